package mapper

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

// Meta's own events come out of a mapping as Meta has them, member by member.
func TestMetaSamples(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/samples/meta.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var names []string
	for _, f := range archive.Files {
		files[f.Name] = f.Data
		if name, ok := strings.CutSuffix(f.Name, ".json"); ok {
			names = append(names, name)
		}
	}
	if len(names) < 20 {
		t.Fatalf("%d samples", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			src := joinMappings(t, files["mapping.yaml"], files[name+".yaml"])
			m, _, err := Parse("mapping.yaml", src)
			if err != nil {
				t.Fatal(err)
			}
			want := readJSON(t, []byte(expandHashes(string(files[name+".sample"]))))
			at, err := want.(map[string]any)["event_time"].(json.Number).Int64()
			if err != nil {
				t.Fatal(err)
			}
			now := time.Unix(at, 0).Add(time.Hour)
			out := m.Map(Event{Body: files[name+".json"], Received: now}, now)
			if len(out) != 1 || out[0].Kind != Send {
				t.Fatalf("%+v", out)
			}
			if d := cmp.Diff(want, readJSON(t, out[0].Conversion)); d != "" {
				t.Errorf("(-Meta's +ours):\n%s\nnotes: %+v", d, out[0].Notes)
			}
		})
	}
}

// joinMappings is a mapping with the keys of another put over its own.
func joinMappings(t *testing.T, base, over []byte) []byte {
	t.Helper()
	all := map[string]any{}
	for _, src := range [][]byte{base, over} {
		if err := yaml.Unmarshal(src, &all); err != nil {
			t.Fatal(err)
		}
	}
	out, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readJSON(t *testing.T, src []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, src)
	}
	return v
}
