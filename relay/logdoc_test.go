package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// loggedCodes finds, in the source, every warning and error that is logged:
// code and level.
func loggedCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := make(map[string]string)
	for _, root := range []string{"../queue", "../config", "../mapper", "."} {
		if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && (d.Name() == "testdata" || d.Name() == "chromium") {
				return fs.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if code, level := loggedCode(call); code != "" {
						codes[code] = level
					}
				}
				return true
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// loggedCode is what one call logs: x.Warn("message", …) or x.Error.
func loggedCode(call *ast.CallExpr) (code, level string) {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fn.Sel.Name != "Warn" && fn.Sel.Name != "Error" || len(call.Args) == 0 {
		return "", ""
	}
	text := func(e ast.Expr) string {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			return s
		}
		return ""
	}
	msg := text(call.Args[0])
	if msg == "" {
		return "", ""
	}
	code = messageCode(msg)
	for i, a := range call.Args[1:] {
		if text(a) == "code" && i+2 < len(call.Args) {
			code = text(call.Args[i+2])
		}
	}
	return code, strings.ToUpper(fn.Sel.Name)
}

var logRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([A-Z]+) \\| .+ \\| .+ \\|$")

// docs/logs.md names every warning and error that relay logs, and no others.
func TestLogsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	logged, written := loggedCodes(t), make(map[string]string)
	if len(logged) < 50 {
		t.Fatalf("only %d found", len(logged))
	}
	for _, m := range logRow.FindAllStringSubmatch(string(doc), -1) {
		written[m[1]] = m[2]
	}
	for _, code := range slices.Sorted(maps.Keys(logged)) {
		if written[code] != logged[code] {
			t.Errorf("%s is logged as %s, docs/logs.md has %q", code, logged[code], written[code])
		}
	}
	for _, code := range slices.Sorted(maps.Keys(written)) {
		if logged[code] == "" {
			t.Errorf("docs/logs.md has %s, which nothing logs", code)
		}
	}
}
