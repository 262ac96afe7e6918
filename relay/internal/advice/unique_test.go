package advice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"relay/internal/meta"
)

// phrases are parts of sentences that once had copies in other packages.
var phrases = []string{
	"Generate access token", "Account Quality", "token's system user", "not accept the access token", "refuses the access token",
	"make a new token", "no longer offers", "secret of the app", "requires a choice", "Limited Data Use", "allowed to send to this event set",
	"may not write to this event set", "log in at facebook.com", "too old for Meta", "refused by Meta",
}

// No sentence of this package, and no phrase, is repeated in another file of the
// program.
func TestNoOtherPackageRepeats(t *testing.T) {
	ours := sentences(t)
	if len(ours) < 80 {
		t.Fatalf("only %d sentences found", len(ours))
	}
	ours = append(ours, phrases...)
	for _, row := range meta.Codes() { // descriptions of bad events, which this package uses
		if row.Event != "" {
			ours = append(ours, row.Event)
		}
	}
	for _, root := range []string{"config", "internal", "mapper", "queue", "relay"} {
		err := filepath.WalkDir(filepath.Join("../../..", root), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "sandbox" || d.Name() == "advice"): // the sandbox has Meta's own words
				return fs.SkipDir
			case strings.HasSuffix(filepath.ToSlash(path), "internal/meta/codes.go"): // the table that this package reads
				return nil
			case d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".js"):
				return nil
			}
			texts := []string{""}
			if strings.HasSuffix(path, ".go") {
				texts = literals(t, path)
			} else if b, err := os.ReadFile(path); err == nil {
				texts[0] = string(b)
			}
			for _, s := range ours {
				for _, text := range texts {
					if strings.Contains(text, s) {
						t.Errorf("%s repeats %q from package advice", path, s)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sentences returns the texts of this package that are long enough to be distinctive.
func sentences(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, s := range literals(t, path) {
			if len(s) >= 24 && strings.Contains(s, " ") {
				all = append(all, s)
			}
		}
	}
	return all
}

// literals returns the strings in a Go file.
func literals(t *testing.T, path string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				all = append(all, s)
			}
		}
		return true
	})
	return all
}
