package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCitationsLeadSomewhere checks that citations in code and documents, such as
// docs/meta.md 6.7, name an existing section of a shipped page.
func TestCitationsLeadSomewhere(t *testing.T) {
	t.Parallel()
	sections := map[string]map[string]bool{}
	for _, page := range []string{"meta", "contract"} {
		sections[page] = sectionsOf(t, filepath.Join("..", "docs", page+".md"))
	}
	cites := regexp.MustCompile(`docs/(meta|contract)\.md((?:(?:, ?| and |–| )\d+(?:\.\d+)?(?:\b|$))*)`)
	number := regexp.MustCompile(`\d+(?:\.\d+)?`)
	// Documents that are not in the repository.
	absent := regexp.MustCompile(`\(facts: |\bmeta-wire\b|\b(?:CONTRACT|DESIGN|EXAM|STYLE)(?:\.md| section)? \d|\b(?:DESIGN|STYLE|CONTRACT|EXAM)\.md`)
	lineBreak := regexp.MustCompile(`\n\s*(?://|#)? *`)
	found := 0
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "dist"):
			return filepath.SkipDir
		case d.IsDir() || !cited(path):
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := lineBreak.ReplaceAllString(string(b), " ")
		if s := absent.FindString(text); s != "" && filepath.Base(path) != "citations_test.go" {
			t.Errorf("%s cites %q, which is not in the repository", path, s)
		}
		for _, m := range cites.FindAllStringSubmatch(text, -1) {
			for _, n := range number.FindAllString(m[2], -1) {
				found++
				if !sections[m[1]][n] {
					t.Errorf("%s cites docs/%s.md %s, which has no such section", path, m[1], n)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("found %d citations; there are more", found)
	}
}

// cited reports whether a file can contain citations: files that people write and read.
func cited(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".md", ".yaml", ".yml", ".txtar", ".txt":
		return true
	}
	return filepath.Base(path) == "Makefile"
}

// sectionsOf returns the numbers of a page's headings and of the numbered
// points below a heading (9.8 is point 8 of section 9).
func sectionsOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`^#+ (\d+(?:\.\d+)?)\.? `)
	point := regexp.MustCompile(`^(\d+)\. `)
	out, current := map[string]bool{}, ""
	for line := range strings.Lines(string(b)) {
		if m := heading.FindStringSubmatch(line); m != nil {
			current = m[1]
			out[current] = true
		} else if m := point.FindStringSubmatch(line); m != nil && !strings.Contains(current, ".") {
			out[current+"."+m[1]] = true
		}
	}
	return out
}
