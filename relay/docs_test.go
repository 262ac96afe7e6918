package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/config"
	"relay/mapper"
)

// documents are the README and everything that people read beside it.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths := []string{"../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "../config/REFERENCE.md"}
	more, err := filepath.Glob("../docs/*.md")
	if err != nil || len(more) < 5 {
		t.Fatalf("%d documents, %v", len(more), err)
	}
	out := map[string]string{}
	for _, p := range append(paths, more...) {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[p] = string(b)
	}
	return out
}

func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	n := 0
	for path, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			n++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: link to %s: %v", path, m[1], err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d links found", n)
	}
}

// The README is read in half a minute, and its picture loads on a slow line.
func TestReadmeIsShort(t *testing.T) {
	for path, most := range map[string]int64{"../README.md": 6 << 10, "../docs/page.png": 150_000} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			t.Errorf("%s has %d bytes, more than %d", path, info.Size(), most)
		}
	}
}

// The table in the README is the one that the demo prints.
func TestReadmeShowsTheDemo(t *testing.T) {
	golden, err := os.ReadFile("testdata/golden/cli/demo.txt")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for line := range strings.Lines(string(golden)) {
		said[strings.TrimSpace(line)] = true
	}
	n := 0
	for line := range strings.Lines(documents(t)["../README.md"]) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "EVENT SET") || strings.HasPrefix(line, "70100000000000") || strings.HasPrefix(line, "+ 1 invalid") {
			n++
			if !said[line] {
				t.Errorf("the demo does not print %q", line)
			}
		}
	}
	if n < 5 {
		t.Errorf("the README shows %d lines of the demo's table", n)
	}
}

// A test that a document names stands in the file it links to.
func TestNamedTestsExist(t *testing.T) {
	named := regexp.MustCompile("\\[`?(Test\\w+)`?\\]\\(([^)]+_test\\.go)\\)")
	n := 0
	for path, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			n++
			b, err := os.ReadFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[2])))
			if err != nil || !strings.Contains(string(b), "func "+m[1]+"(") {
				t.Errorf("%s: %s has no %s", path, m[2], m[1])
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d tests are named", n)
	}
}

// The picture of the house has every package: under its own name, or as one word
// in the row of the package above it.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	b, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	text, n := string(b), 0
	for _, root := range []string{"../config", "../examples", "../internal", "../mapper", "../packaging", "../queue", "internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" {
				return filepath.SkipDir
			}
			if sources, _ := filepath.Glob(filepath.Join(path, "*.go")); len(sources) == 0 {
				return nil
			}
			n++
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(filepath.Base(path)) + `\b`).MatchString(text) {
				t.Errorf("docs/architecture.md does not name package %s", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 30 {
		t.Errorf("only %d packages found", n)
	}
}

// Every call of relay that a document, a help page or a shipped file shows
// names a command and flags there are.
func TestDocumentedCommands(t *testing.T) {
	texts := documents(t)
	for _, p := range []string{
		"../packaging/scripts/postinstall.sh", "../packaging/config/relay.yaml", "../packaging/prometheus/alerts.yaml",
		"../examples/mapping.yaml", "../relay.yaml",
	} {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[p] = string(b)
	}
	everyCommand(func(c *cobra.Command) { texts["help of "+c.CommandPath()] = c.Example })
	// A call stands in backticks, alone on an indented line, behind a list's
	// number, or behind go run.
	call := regexp.MustCompile("(?m)(?:`|^ {2,}(?:#? *)|^#   |&& |sudo -u relay )(?:go run \\./|bin/)?relay(?:\\.exe)? ([a-z][^`\\n]*)")
	n := 0
	for path, text := range texts {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			line := m[1]
			for _, end := range []string{"  ", " #", " |", " < ", " > ", "; ", " && ", " || "} {
				line, _, _ = strings.Cut(line, end)
			}
			words := strings.Fields(strings.Trim(line, " .,:;)"))
			if len(words) == 0 || words[0] == "service" {
				continue // Windows alone has it
			}
			n++
			checkCall(t, path, words)
		}
	}
	if n < 60 {
		t.Errorf("only %d calls found", n)
	}
}

func checkCall(t *testing.T, path string, words []string) {
	t.Helper()
	c, rest, err := newRoot().Find(words)
	if err != nil || c.Name() == "relay" {
		t.Errorf("%s: relay %s: no such command", path, strings.Join(words, " "))
		return
	}
	if c.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("%s: relay %s: no such command", path, strings.Join(words, " "))
	}
	for i, w := range rest {
		name, _, _ := strings.Cut(w, "=")
		var f *pflag.Flag
		switch {
		case name == "--help":
			continue // cobra adds it when it runs
		case strings.HasPrefix(name, "--"):
			f = c.Flags().Lookup(name[2:])
		case strings.HasPrefix(name, "-") && len(name) == 2:
			f = c.Flags().ShorthandLookup(name[1:])
		default:
			continue
		}
		if f == nil {
			t.Errorf("%s: relay %s: no flag %s", path, strings.Join(words, " "), rest[i])
		}
	}
}

// Every YAML block of the documents is a mapping or a config that relay takes.
func TestDocumentedYAML(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	elsewhere := regexp.MustCompile(`\$\{file:[^}]*\}`) // a file of another machine
	n := 0
	for path, text := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			n++
			var err error
			if strings.HasPrefix(m[1], "version:") {
				_, _, err = mapper.Parse(path, []byte(m[1]))
			} else {
				_, _, err = config.Parse(path, elsewhere.ReplaceAll([]byte(m[1]), []byte("what-the-file-holds")), config.Options{})
				if err != nil && strings.Contains(err.Error(), "no such file") {
					err = nil // the files it names are of another machine
				}
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", path, err, m[1])
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d blocks found", n)
	}
}

// Dead letters, skips and states that the code knows are explained, and the
// documents are about relay alone.
func TestDocumentsAreWhole(t *testing.T) {
	all := documents(t)
	for _, r := range documentedReasons() {
		if !strings.Contains(all["../docs/mapping.md"], "`"+r+"`") {
			t.Errorf("docs/mapping.md does not explain %s", r)
		}
	}
	local := regexp.MustCompile(`/tmp/|/home/|localhost:[0-9]|TODO|FIXME`)
	for path, text := range all {
		if found := local.FindString(text); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
	err := filepath.WalkDir("../packaging", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		if found := local.FindString(string(b)); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func documentedReasons() []string {
	return []string{
		mapper.ReasonNotTrack, mapper.ReasonDisabled, mapper.ReasonNoConsent, mapper.ReasonUnmapped, mapper.ReasonFiltered,
		mapper.ReasonNoCustomer, mapper.ReasonDuplicate, mapper.ReasonInvalid, mapper.ReasonTooLarge, mapper.ReasonIDConflict, mapper.ReasonUnrouted, mapper.ReasonExpression,
		mapper.ReasonExpired, mapper.ReasonFuture, mapper.ReasonNoMatchKey, mapper.ReasonWeakMatchKeys, mapper.ReasonMissingValue,
		mapper.ReasonInvalidValue, mapper.ReasonMissingCurrency, mapper.ReasonInvalidCurrency, mapper.ReasonRejected,
	}
}
