package preview

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"relay/mapper"
	"relay/relay/internal/track"
)

// The reader accepts events in every form in which people keep them.
func TestReadEvents(t *testing.T) {
	one := `{"type":"track","event":"A","messageId":"1"}`
	two := `{"type":"track","event":"B","messageId":"2"}`
	for name, c := range map[string]struct{ in, want string }{
		"object":     {one, "A|"},
		"array":      {"[" + one + "," + two + "]", "A|B|"},
		"batch":      {`{"batch":[` + one + "," + two + "]}", "A|B|"},
		"lines":      {one + "\n" + two + "\n", "A|B|"},
		"in a row":   {one + " " + two, "A|B|"},
		"with a BOM": {"\ufeff" + one, "A|"},
		"a bad line": {one + "\nnot JSON\n" + two + "\n", "A||B|"},
		"empty":      {"", ""},
	} {
		var got strings.Builder
		err := readEvents(strings.NewReader(c.in), 1<<20, func(m track.Message) error {
			got.Write(m.Event)
			got.WriteByte('|')
			return nil
		})
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got.String(), err, c.want)
		}
	}
	err := readEvents(strings.NewReader("{\n  \"event\": }"), 1<<20, func(track.Message) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "line 2, column ") {
		t.Errorf("a mistake in an object: %v", err)
	}
}

// Lines and columns count from 1, columns in characters.
func TestPosition(t *testing.T) {
	src := []byte("ab\nüx\n")
	for at, want := range map[int]string{1: "line 1, column 1", 3: "line 1, column 3", 4: "line 2, column 1", 6: "line 2, column 2", 99: "line 3, column 1"} {
		if got := position(src, at); got != want {
			t.Errorf("byte %d: %s, want %s", at, got, want)
		}
	}
}

func TestWithoutIndexes(t *testing.T) {
	for in, want := range map[string]string{
		"custom_data.items[12].name": "custom_data.items[].name", "a[0][1]": "a[][]", "plain": "plain", "x[": "x[", "": "",
	} {
		if got := withoutIndexes(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A field counts once per outcome, samples are masked, and hashes are named.
func TestFieldList(t *testing.T) {
	var l fieldList
	hash := strings.Repeat("0a", 32)
	x := mapper.Outcome{Kind: mapper.Send, Conversion: json.RawMessage(`{"user_data":{"em":["` + hash + `"]},"custom_data":{"seats":[{"row":"B7"},{"row":"C9"}]}}`)}
	l.add(&x)
	l.add(&x)
	l.add(&mapper.Outcome{Kind: mapper.Skip, Notes: []mapper.Note{{Code: mapper.NotePersonal, Field: "custom_data.email", Message: "an e-mail address"}}})
	row, em := l.sent["custom_data.seats[].row"], l.sent["user_data.em[]"]
	if row == nil || row.Events != 2 || strings.ContainsAny(row.Sample, "B7") || em == nil || em.Sample != "(hashed)" {
		t.Errorf("sent: %+v, %+v", row, em)
	}
	if f := l.withheld["custom_data.email"]; f == nil || f.Events != 1 || f.Leaves || f.Why == "" {
		t.Errorf("withheld: %+v", f)
	}
	var b bytes.Buffer
	if err := l.print(&b, false, 3); err != nil || !strings.Contains(b.String(), "custom_data.seats[].row") || strings.Contains(b.String(), hash) {
		t.Errorf("%s %v", b.String(), err)
	}
}

// A second event with the same messageId is skipped; a different one is held.
func TestPrinterMessageIDs(t *testing.T) {
	m, _, err := mapper.Parse("m.yaml", []byte("version: 1\nevents: { A: shop }\nevent_sets: { shop: { id: \"701000000000001\" } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	p := NewPrinter(&b, Options{Mapping: m, Now: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Most: 1 << 20})
	in := `{"type":"track","event":"Z","messageId":"1","userId":"u"}` + "\n"
	if err := p.Read("-", strings.NewReader(in+in+strings.Replace(in, `"Z"`, `"Y"`, 1))); err != nil {
		t.Fatal(err)
	}
	if err := p.Finish(nil); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for line := range strings.Lines(b.String()) {
		var x struct{ Reason string }
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, x.Reason)
	}
	if got := strings.Join(reasons, " "); got != "unmapped duplicate id_conflict" || p.Held() != 1 {
		t.Errorf("%s, %d held", got, p.Held())
	}
}
