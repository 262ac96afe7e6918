package disk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// byName are functions of the standard library that open a file by name. If the name is a pipe,
// they block until another process opens the other end.
var byName = map[string]string{
	"os.Open": "disk.Open", "os.ReadFile": "disk.ReadFile", "os.Create": "disk.WriteFile", "os.WriteFile": "disk.WriteFile",
	"os.OpenFile": "disk.Open, disk.OpenOwn, or O_EXCL", "tls.LoadX509KeyPair": "certificate.Read", "ioutil.ReadFile": "disk.ReadFile",
	"http.ServeFile": "disk.Open", "parser.ParseFile": "disk.Open", "template.ParseFiles": "disk.ReadFile",
}

// notShipped are directories that are not part of the program, or that open only files they created
// themselves.
var notShipped = []string{
	"internal/disk/", "queue/queuetest/", "queue/jetstream/clustertest/", "packaging/release/", "relay/internal/chromium/", "mapper/match/countries_gen.go",
	"queue/local/internal/files/", // opens only the temporary name it made; the directory's owner was checked before (Planted)
	"relay/internal/demo/",        // its own directory, new on every run
}

// TestOpensByName: every named file is opened by this package, which does not block and reads no
// more than the given limit. A file created with O_EXCL is new and therefore safe.
func TestOpensByName(t *testing.T) {
	const root = "../.."
	seen := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		switch {
		case err != nil:
			return err
		case e.IsDir() && (strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.Name() == "testdata"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		for _, dir := range notShipped {
			if strings.HasPrefix(name, dir) {
				return nil
			}
		}
		seen++
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, src, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := s.X.(*ast.Ident)
			if !ok {
				return true
			}
			at := files.Position(call.Pos())
			text := string(src[files.Position(call.Pos()).Offset:files.Position(call.End()).Offset])
			if instead := byName[pkg.Name+"."+s.Sel.Name]; instead != "" && !strings.Contains(text, "os.O_EXCL") {
				t.Errorf("%s:%d: %s.%s; use %s", name, at.Line, pkg.Name, s.Sel.Name, instead)
			}
			return true
		})
		return nil
	})
	if err != nil || seen < 300 {
		t.Errorf("checked %d files: %v", seen, err)
	}
}
