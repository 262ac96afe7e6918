package logs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"relay/internal/logs"
)

// methods are the methods of slog.Logger that write a line, and their level.
var methods = map[string]string{
	"Debug": "DEBUG", "Info": "INFO", "Warn": "WARN", "Error": "ERROR",
	"DebugContext": "DEBUG", "InfoContext": "INFO", "WarnContext": "WARN", "ErrorContext": "ERROR",
	"Log": "", "LogAttrs": "", "NewLogLogger": "", // the level is an argument
}

// others are calls with the same names that write no log line.
var others = []string{"e.to.Error"}

// Every call that writes a log line has one code, a constant of this package, at the level of its
// row, and every code is logged somewhere.
func TestCalls(t *testing.T) {
	names, levels := constants(t), make(map[logs.Code]string)
	for _, s := range logs.Sections {
		for _, r := range s.Rows {
			levels[r.Code] = r.Level.String()
		}
	}
	if len(names) != len(levels) {
		t.Errorf("%d constants, %d rows", len(names), len(levels))
	}
	logged := make(map[logs.Code]bool)
	for _, c := range calls(t) {
		if len(c.codes) != 1 {
			t.Errorf("%s: found codes %q, want exactly one constant of package logs", c.at, c.codes)
			continue
		}
		code := names[c.codes[0]]
		logged[code] = true
		if level, ok := levels[code]; !ok {
			t.Errorf("%s: %s has no row", c.at, c.codes[0])
		} else if c.level != "" && c.level != level {
			t.Errorf("%s: %s is logged at %s, but its row has %s", c.at, code, c.level, level)
		}
	}
	for code := range levels {
		if !logged[code] {
			t.Errorf("%s has a row but is never logged", code)
		}
	}
}

// constants returns the codes by their names in the source.
func constants(t *testing.T) map[string]logs.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "logs.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]logs.Code)
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && fmt.Sprint(v.Type) == "Code" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names[v.Names[0].Name] = logs.Code(text)
		}
		return true
	})
	return names
}

// call is a call that writes a log line.
type call struct {
	at    token.Position
	level string   // "": in an argument
	codes []string // names of constants in its arguments
}

// calls returns the program's calls, without those in tests and their helpers.
func calls(t *testing.T) []call {
	t.Helper()
	var all []call
	for _, root := range []string{"config", "internal", "mapper", "queue", "relay"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"testdata", "chromium", "queuetest"}, d.Name()):
				return fs.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok && writes(c) {
					all = append(all, call{set.Position(c.Pos()), methods[c.Fun.(*ast.SelectorExpr).Sel.Name], codes(c)})
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d calls found", len(all))
	}
	return all
}

// writes reports whether c writes a log line: err.Error() and file.Info() have no arguments.
func writes(c *ast.CallExpr) bool {
	fn, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || len(c.Args) == 0 {
		return false
	}
	_, ok = methods[fn.Sel.Name]
	return ok && !slices.Contains(others, dotted(fn))
}

// codes returns the constants of package logs in the arguments of c.
func codes(c *ast.CallExpr) (names []string) {
	for _, a := range c.Args {
		ast.Inspect(a, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && dotted(s.X) == "logs" {
				names = append(names, s.Sel.Name)
			}
			return true
		})
	}
	return names
}

// dotted returns a name as it is written, or "".
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := dotted(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	}
	return ""
}
