package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "rewrite testdata/golden with what relay says now")

const goldenDir = "testdata/golden"

// TestGolden compares everything the commands, the admin API and the intake
// say with testdata/golden: help, output for people and for programs, errors
// and exit codes, in the states that matter. It exists so that a change of the
// inside can be seen to change nothing outside that it did not mean to.
// Values that differ from run to run are replaced by the rules of
// golden_rules_test.go.
//
// Each stage asks and records by itself; a file has the blocks of all stages
// in the order below.
func TestGolden(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths, signals and the words of the system are others there")
	}
	stages := []struct {
		name string
		run  func(*testing.T, *record)
	}{
		{"help", goldenHelp},
		{"files", goldenFiles},
		{"mistakes", goldenMistakes},
		{"map", goldenMap},
		{"nothing", goldenNothing},
		{"waiting", goldenWaiting},
		{"lanes", goldenLanes},
		{"token", goldenToken},
		{"dry", goldenDryRun},
		{"full", goldenFull},
		{"intake", goldenIntake},
		{"demo", goldenDemo},
	}
	records := make([]*record, len(stages))
	ok := t.Run("stage", func(t *testing.T) {
		for i, s := range stages {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				r := newRecord()
				s.run(t, r)
				records[i] = r
			})
		}
	})
	if !ok || slices.Contains(records, nil) {
		t.Skip("a stage failed or was left out: there is nothing whole to compare")
	}
	whole := newRecord()
	for _, r := range records {
		whole.join(r)
	}
	whole.compare(t)
	whole.complete(t)
}

// record is what a stage was told: text for each file of testdata/golden.
type record struct {
	files    map[string]*strings.Builder
	commands map[string]bool // "relay dead list": something besides its help is recorded
	help     map[string]bool
	routes   map[string]bool // "GET /api/v1/dead"
	known    []string        // pairs of text of this run and its name, for strings.Replacer
	state    string          // of what is asked, the heading of the next block
	rules    []rule          // of this stage, besides those of every stage

	adminBase, socket string // of the shop last opened: its admin address as a URL, and where its commands go
}

func newRecord() *record {
	return &record{files: map[string]*strings.Builder{}, commands: map[string]bool{}, help: map[string]bool{}, routes: map[string]bool{}}
}

// know gives a text of this run, such as a path or an address, a name.
func (r *record) know(text, name string) {
	if text != "" {
		r.known = append(r.known, text, name)
	}
}

// block adds one question with its answer.
func (r *record) block(file, question string, answer []byte) {
	b := r.files[file]
	if b == nil {
		b = &strings.Builder{}
		r.files[file] = b
	}
	fmt.Fprintf(b, "===== %s\n%s\n%s\n", r.state, question, answer)
}

func (r *record) join(o *record) {
	for name, text := range o.files {
		b := r.files[name]
		if b == nil {
			b = &strings.Builder{}
			r.files[name] = b
		}
		b.WriteString(text.String())
	}
	for _, m := range []struct{ to, from map[string]bool }{{r.commands, o.commands}, {r.help, o.help}, {r.routes, o.routes}} {
		for k := range m.from {
			m.to[k] = true
		}
	}
}

// compare holds what was recorded against the files, or writes them.
func (r *record) compare(t *testing.T) {
	t.Helper()
	old := map[string]bool{} // files that nothing was recorded for
	names, err := filepath.Glob(filepath.Join(goldenDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		old[n] = true
	}
	for name, text := range r.files {
		path := filepath.Join(goldenDir, name+".txt")
		delete(old, path)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := text.String(); got != string(want) {
			t.Errorf("%s is not what relay says (go test ./relay -run '^TestGolden$' -update, then look at the diff)\n%s", path, firstDifference(string(want), got))
		}
	}
	for path := range old {
		if !*update {
			t.Errorf("%s: nothing of it is asked any more", path)
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// firstDifference shows where two texts part, with what leads to it.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(w), len(g)) && w[i] == g[i] {
		i++
	}
	block := i
	for block > 0 && !strings.HasPrefix(w[min(block, len(w)-1)], "=====") {
		block--
	}
	part := func(lines []string, sign string) string {
		return sign + strings.Join(lines[min(i, len(lines)):min(i+8, len(lines))], "\n"+sign)
	}
	return fmt.Sprintf("in the block of line %d:\n  %s\nat line %d:\n%s\n%s", block+1, strings.Join(w[block:min(block+3, i, len(w))], "\n  "), i+1, part(w, "-"), part(g, "+"))
}

// complete reports commands and routes of which nothing is recorded.
func (r *record) complete(t *testing.T) {
	t.Helper()
	everyCommand(func(c *cobra.Command) {
		path := c.CommandPath()
		if !r.help[path] {
			t.Errorf("%s --help is not recorded", path)
		}
		if !c.HasSubCommands() && !r.commands[path] {
			t.Errorf("%s is not recorded", path)
		}
	})
	doc := read(t, "../docs/admin-api.md") // names every route, says admin's own test
	missing := map[string]bool{}
	mux := http.NewServeMux()
	for l := range strings.Lines(doc) {
		if rest, ok := strings.CutPrefix(l, "| `"); ok {
			route, _, _ := strings.Cut(rest, "`")
			missing[route] = true
			mux.HandleFunc(route, http.NotFound)
		}
	}
	if len(missing) < 25 {
		t.Errorf("only %d routes found in docs/admin-api.md", len(missing))
	}
	for asked := range r.routes {
		method, path, _ := strings.Cut(asked, " ")
		_, pattern := mux.Handler(httptest.NewRequest(method, path, nil))
		delete(missing, pattern)
	}
	for route := range missing {
		t.Errorf("%s is not recorded", route)
	}
}

// shown is output as it stands in a golden file: rules applied, long lines of
// JSON indented, a missing newline at the end said.
func (r *record) shown(out string, rules ...rule) string {
	if out == "" {
		return ""
	}
	if !strings.HasSuffix(out, "\n") {
		out += "(no newline)\n"
	}
	out = strings.NewReplacer(r.known...).Replace(out)
	var b strings.Builder
	for l := range strings.Lines(out) {
		b.WriteString(indented(l))
	}
	return apply(b.String(), slices.Concat(rules, r.rules, everywhere))
}

// indented lays a line of JSON that is too long to read out over several.
// Small objects and lists in it stay on one.
func indented(line string) string {
	const long = 120
	var b bytes.Buffer
	if len(line) < long || line[0] != '{' && line[0] != '[' || json.Indent(&b, []byte(strings.TrimSuffix(line, "\n")), "", "  ") != nil {
		return line
	}
	return smallest.ReplaceAllStringFunc(b.String(), func(s string) string {
		if one := lineEnds.ReplaceAllString(s, " "); len(one) < long {
			return one
		}
		return s
	}) + "\n"
}

var (
	smallest = regexp.MustCompile(`[{\[]\n[^{}\[\]]*\n *[}\]]`)
	lineEnds = regexp.MustCompile(`\n *`)
)
