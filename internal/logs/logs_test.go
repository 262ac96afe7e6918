package logs_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"relay/internal/logs"
)

var update = flag.Bool("update", false, "rewrite docs/logs.md from the table")

const page = "../../docs/logs.md"

// chapters renders the table as in docs/logs.md.
func chapters() string {
	var b strings.Builder
	for _, s := range logs.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		if s.About != "" {
			fmt.Fprintf(&b, "%s\n\n", s.About)
		}
		b.WriteString("| code | level | what it means | what to do |\n|---|---|---|---|\n")
		for _, r := range s.Rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Code, r.Level, r.Means, r.Do)
		}
	}
	return b.String()
}

// docs/logs.md is its introduction followed by the table.
func TestPage(t *testing.T) {
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, found := strings.Cut(string(have), "\n## ")
	if !found {
		t.Fatal("docs/logs.md has no chapter")
	}
	want := intro + chapters()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(have) != want {
		t.Error("docs/logs.md differs from the table; run go test ./internal/logs -update")
	}
}

// Every row is complete, and every code has one row.
func TestRows(t *testing.T) {
	good := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := make(map[logs.Code]bool)
	for _, s := range logs.Sections {
		for _, r := range s.Rows {
			if seen[r.Code] || !good.MatchString(string(r.Code)) || r.Means == "" || r.Do == "" || strings.ContainsAny(r.Means+r.Do, "|\n") {
				t.Errorf("%s: duplicate or incomplete row", r.Code)
			}
			seen[r.Code] = true
		}
	}
}
