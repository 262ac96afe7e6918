// Branches measures which branches the tests of a package take: both outcomes of each
// condition and of each operand of && and ||, of if and for, and each clause of a switch or
// select, with "none of them" where a switch has no default.
//
//	go run ./.ci/branches [-missed] [-with ./mapper] ./queue/internal/chunk ./mapper/expr …
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// recorder is added to the package. It writes each outcome to a file once.
const recorder = `package %s

import (
	"fmt"
	"os"
	"sync"
)

var (
	branchMu  sync.Mutex
	branchHit = map[[2]int]bool{}
)

func branchTaken(n, way int) {
	branchMu.Lock()
	defer branchMu.Unlock()
	if branchHit[[2]int{n, way}] {
		return
	}
	branchHit[[2]int{n, way}] = true
	f, err := os.OpenFile(%q, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, n, way)
	f.Close()
}

func branchIf[T ~bool](n int, is T) T {
	if is {
		branchTaken(n, 1)
	} else {
		branchTaken(n, 0)
	}
	return is
}
`

// branch is a position in a file and the outcomes possible there.
type branch struct {
	at   token.Position
	ways []string
}

// rewriter adds calls of the recorder to the text of files. It edits the text rather than the
// syntax tree because comments can be directives.
type rewriter struct {
	fset *token.FileSet
	all  []branch
	put  map[int]string // text to insert into the current file, by offset
}

func main() {
	log.SetFlags(0)
	missed := flag.Bool("missed", false, "name the branches that no test takes")
	with := flag.String("with", "", "run the tests of this package, too")
	flag.Parse()
	for _, pkg := range flag.Args() {
		if err := measure(pkg, *with, *missed); err != nil {
			log.Fatalf("%s: %v", pkg, err)
		}
	}
}

func measure(pkg, with string, missed bool) error {
	out, err := exec.Command("go", "list", "-f", `{{.Dir}}{{"\n"}}{{.Name}}{{range .GoFiles}}{{"\n"}}{{.}}{{end}}`, pkg).Output()
	if err != nil {
		return err
	}
	list := strings.Split(strings.TrimSpace(string(out)), "\n")
	dir, name, files := list[0], list[1], list[2:]
	tmp, err := os.MkdirTemp("", "branches")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	taken := filepath.Join(tmp, "taken")
	r := &rewriter{fset: token.NewFileSet()}
	overlay := map[string]string{}
	put := func(file string, b []byte) error {
		at := filepath.Join(tmp, filepath.Base(file))
		overlay[filepath.Join(dir, filepath.Base(file))] = at
		return os.WriteFile(at, b, 0o600)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_gen.go") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(r.fset, filepath.Join(dir, file), src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		r.put = map[int]string{}
		ast.Inspect(f, r.node)
		var b []byte
		for i := range src {
			b = append(append(b, r.put[i]...), src[i])
		}
		if err := put(file, b); err != nil {
			return err
		}
	}
	if err := put("zz_branches.go", fmt.Appendf(nil, recorder, name, taken)); err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "overlay.json"), b, 0o600); err != nil {
		return err
	}
	for _, tests := range []string{pkg, with} {
		if tests == "" {
			continue
		}
		out, err := exec.Command("go", "test", "-count=1", "-vet=off", "-overlay", filepath.Join(tmp, "overlay.json"), tests).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
	}
	return r.report(pkg, taken, missed)
}

// report prints the share of the branches that were taken.
func (r *rewriter) report(pkg, taken string, missed bool) error {
	b, err := os.ReadFile(taken)
	if err != nil {
		return err
	}
	hit := map[[2]int]bool{}
	for line := range strings.Lines(string(b)) {
		var n, way int
		if _, err := fmt.Sscan(line, &n, &way); err != nil {
			return err
		}
		hit[[2]int{n, way}] = true
	}
	total := 0
	for n, br := range r.all {
		for way, what := range br.ways {
			if total++; missed && !hit[[2]int{n, way}] {
				fmt.Printf("%s:%d: never %s\n", filepath.Base(br.at.Filename), br.at.Line, what)
			}
		}
	}
	fmt.Printf("%-40s %4d of %4d branches  %5.1f %%\n", pkg, len(hit), total, 100*float64(len(hit))/float64(max(total, 1)))
	return nil
}

func (r *rewriter) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		r.cond(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			r.cond(n.Cond)
		}
	case *ast.SwitchStmt:
		r.clauses(n.Body, n.Tag == nil, true)
	case *ast.TypeSwitchStmt:
		r.clauses(n.Body, false, true)
	case *ast.SelectStmt:
		r.clauses(n.Body, false, false)
	}
	return true
}

// cond records the outcomes of a condition, operand by operand.
func (r *rewriter) cond(e ast.Expr) {
	switch x := e.(type) {
	case *ast.ParenExpr:
		r.cond(x.X)
		return
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			r.cond(x.X)
			r.cond(x.Y)
			return
		}
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			r.cond(x.X)
			return
		}
	}
	n := r.add(e.Pos(), "false", "true")
	r.insert(e.Pos(), fmt.Sprintf("branchIf(%d, ", n))
	r.insert(e.End(), ")")
}

// clauses records which clause of a switch or select was taken. Those of a switch without
// a tag are conditions, of which only the operands are recorded: the clause implies the rest.
func (r *rewriter) clauses(body *ast.BlockStmt, conds, none bool) {
	for _, s := range body.List {
		var colon token.Pos
		switch c := s.(type) {
		case *ast.CaseClause:
			colon, none = c.Colon, none && c.List != nil
			for _, e := range c.List {
				if b, ok := e.(*ast.BinaryExpr); ok && conds && (b.Op == token.LAND || b.Op == token.LOR) {
					r.cond(e)
				}
			}
		case *ast.CommClause:
			colon = c.Colon
		}
		r.insert(colon+1, r.mark(s.Pos()))
	}
	if none {
		r.insert(body.Rbrace, "default: "+r.mark(body.Pos()))
	}
}

func (r *rewriter) mark(at token.Pos) string {
	return fmt.Sprintf(" branchTaken(%d, 0); ", r.add(at, "taken"))
}

// insert inserts text at an offset, after earlier insertions at the same offset.
func (r *rewriter) insert(at token.Pos, text string) { r.put[r.fset.Position(at).Offset] += text }

func (r *rewriter) add(at token.Pos, ways ...string) int {
	r.all = append(r.all, branch{r.fset.Position(at), ways})
	return len(r.all) - 1
}
