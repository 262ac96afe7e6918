package mapper

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"relay/internal/meta"
	"relay/mapper/match"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/*.txtar with what comes out")

// TestGolden runs testdata/*.txtar: a mapping.yaml, an optional options file
// ("now: …", "received: …", "api: …") and pairs of NAME.json, an event, and
// NAME.want, its outcomes. In a want file sha256(text) stands for the hash of
// text, so that a reader sees what was hashed.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	received := now
	var opts []Option
	var m *Mapping
	wants := map[string]int{}
	for i, f := range archive.Files {
		wants[f.Name] = i
	}
	changed := false
	for _, f := range archive.Files {
		switch {
		case f.Name == "mapping.yaml":
			var err error
			if m, _, err = Parse("mapping.yaml", f.Data); err != nil {
				t.Fatal(err)
			}
		case f.Name == "options":
			for line := range strings.Lines(string(f.Data)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				switch key {
				case "now", "received":
					at, err := time.Parse(time.RFC3339, value)
					if err != nil {
						t.Fatal(err)
					}
					if key == "now" {
						now, received = at, at
					} else {
						received = at
					}
				case "api":
					opts = append(opts, OverrideAPI(meta.API(value)))
				default:
					t.Fatalf("unknown option %q", line)
				}
			}
		case strings.HasSuffix(f.Name, ".json"):
			name := strings.TrimSuffix(f.Name, ".json") + ".want"
			at, ok := wants[name]
			if !ok {
				t.Errorf("%s has no %s", f.Name, name)
				continue
			}
			ev := Event{Body: bytes.TrimSpace(f.Data), Received: received}
			outcomes := m.Map(ev, now, opts...)
			got := showOutcomes(t, outcomes)
			want := string(archive.Files[at].Data)
			if expandHashes(want) == got {
				continue
			}
			if *update {
				archive.Files[at].Data = []byte(plainHashes(m, ev, now, opts, got))
				changed = true
				continue
			}
			t.Errorf("%s (-want +got):\n%s", f.Name, cmp.Diff(expandHashes(want), got))
		}
	}
	if changed {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// showOutcomes writes outcomes as indented JSON, as relay map would show them.
func showOutcomes(t *testing.T, outcomes []Outcome) string {
	t.Helper()
	var b strings.Builder
	for _, o := range outcomes {
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatalf("outcome is no JSON: %v", err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		b.Write(shortList.ReplaceAll(indented.Bytes(), []byte("[$1]")))
		b.WriteByte('\n')
	}
	return b.String()
}

// shortList is a list of one value, which reads better on one line.
var shortList = regexp.MustCompile(`\[\s+("[^"]*"|[0-9.]+)\s+\]`)

var hashForm = regexp.MustCompile(`sha256\(([^)]*)\)`)

func expandHashes(want string) string {
	return hashForm.ReplaceAllStringFunc(want, func(s string) string {
		return match.SHA256(hashForm.FindStringSubmatch(s)[1])
	})
}

// plainHashes replaces hashes by sha256(normal form), which the explanation of
// the same mapping knows.
func plainHashes(m *Mapping, ev Event, now time.Time, opts []Option, got string) string {
	_, fields := m.run(ev, "", now, true, opts)
	for _, list := range fields {
		for _, f := range list {
			if f.Hash != "" && f.Hash != f.Value {
				got = strings.ReplaceAll(got, f.Hash, fmt.Sprintf("sha256(%s)", f.Value))
			}
			if f.Field == "date_of_birth" && len(f.Value) == 8 {
				for _, part := range []string{f.Value[:4], f.Value[4:6], f.Value[6:]} {
					got = strings.ReplaceAll(got, match.SHA256(part), fmt.Sprintf("sha256(%s)", part))
				}
			}
		}
	}
	return got
}
