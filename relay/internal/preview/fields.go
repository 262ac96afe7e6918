package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"relay/mapper"
	"relay/mapper/event"
	"relay/relay/internal/term"
)

// leaving is what `relay map --privacy` lists: every field of the conversions
// that events would become, and what custom_data keeps back as personal.
type leaving struct {
	sent  map[string]*sentField
	kept  map[string]*sentField
	more  int // distinct fields beyond maxFields
	sends int
}

// maxFields bounds the list: a till that makes a property of every customer has
// no end of them.
const maxFields = 2000

// sentField is one line of the list.
type sentField struct {
	Field  string `json:"field"`
	Leaves bool   `json:"leaves"`
	Events int    `json:"events"` // that have it
	Sample string `json:"sample,omitempty"`
	Why    string `json:"why,omitempty"` // it does not leave
	last   int    // the conversion that was counted last
}

// take adds what one outcome would send.
func (l *leaving) take(x *mapper.Outcome) {
	if l.sent == nil {
		l.sent, l.kept = make(map[string]*sentField), make(map[string]*sentField)
	}
	l.sends++
	for _, n := range x.Notes {
		if n.Code == mapper.NotePersonal {
			l.count(l.kept, withoutIndexes(n.Field), "", n.Message)
		}
	}
	if x.Kind != mapper.Send {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(x.Conversion))
	dec.UseNumber()
	var v map[string]any
	if dec.Decode(&v) == nil {
		l.walk("", v)
	}
}

func (l *leaving) walk(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			l.walk(at, e)
		}
	case []any:
		for _, e := range v {
			l.walk(path+"[]", e)
		}
	default:
		sample := sampleOf(v)
		if text, ok := v.(string); ok && len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "" {
			sample = "(hashed)"
		}
		l.count(l.sent, path, sample, "")
	}
}

// count adds one conversion to a field.
func (l *leaving) count(in map[string]*sentField, path, sample, why string) {
	f := in[path]
	if f == nil {
		if len(in) >= maxFields {
			l.more++
			return
		}
		f = &sentField{Field: path, Leaves: why == "", Why: why, Sample: sample}
		in[path] = f
	}
	if f.last != l.sends {
		f.last = l.sends
		f.Events++
	}
}

// sampleOf shows a value by its shape: letters as x, digits as 9.
func sampleOf(v any) string {
	text, _ := json.Marshal(v)
	sample := event.Mask(string(text))
	return term.Cell(sample, 40)
}

// withoutIndexes makes one field of the items of a list.
func withoutIndexes(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		b.WriteByte(path[i])
		if path[i] == '[' {
			for i+1 < len(path) && '0' <= path[i+1] && path[i+1] <= '9' {
				i++
			}
		}
	}
	return b.String()
}

func (l *leaving) print(out io.Writer, asJSON bool, events int) error {
	lists := [][]*sentField{sorted(l.sent), sorted(l.kept)}
	if asJSON {
		for _, f := range slices.Concat(lists...) {
			if err := term.JSONLine(out, f); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(out, "%s read. What would leave for Meta (samples masked):\n\n", term.Count(events, "event"))
	t := term.NewTable(out, "FIELD", "EVENTS", "SAMPLE")
	for _, f := range lists[0] {
		t.Row(f.Field, strconv.Itoa(f.Events), f.Sample)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(lists[1]) > 0 {
		fmt.Fprint(out, "\nWhat stays here, because it is personal:\n\n")
		t = term.NewTable(out, "FIELD", "EVENTS", "WHY")
		for _, f := range lists[1] {
			t.Row(f.Field, strconv.Itoa(f.Events), f.Why)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if l.more > 0 {
		fmt.Fprintf(out, "\n%d more fields were not listed: a property of every customer?\n", l.more)
	}
	fmt.Fprint(out, "\nA field that should not leave: custom_data.exclude in the mapping, or custom_data.only for a list of those that may.\n")
	return nil
}

func sorted(of map[string]*sentField) []*sentField {
	out := make([]*sentField, 0, len(of))
	for _, f := range of {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *sentField) int { return strings.Compare(a.Field, b.Field) })
	return out
}
