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

var update = flag.Bool("update", false, "rewrite docs/logs.md with what the table says")

const page = "../../docs/logs.md"

// chapters is the table as docs/logs.md has it.
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

// docs/logs.md is its introduction and the table.
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
		t.Error("docs/logs.md is not what the table says; go test ./internal/logs -update")
	}
}

// Every row is whole, and no code has two.
func TestRows(t *testing.T) {
	good := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := make(map[logs.Code]bool)
	for _, s := range logs.Sections {
		for _, r := range s.Rows {
			if seen[r.Code] || !good.MatchString(string(r.Code)) || r.Means == "" || r.Do == "" || strings.ContainsAny(r.Means+r.Do, "|\n") {
				t.Errorf("%s: a second row, or one that is not whole", r.Code)
			}
			seen[r.Code] = true
		}
	}
}
