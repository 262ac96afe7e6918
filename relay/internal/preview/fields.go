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

// fieldList is the list of `relay map --privacy`: every field of the conversions, and every
// field that is withheld as personal.
type fieldList struct {
	sent     map[string]*field
	withheld map[string]*field
	more     int // distinct fields beyond maxFields
	outcomes int
}

// maxFields limits the list: a till that makes a property for each customer has no end of
// fields.
const maxFields = 2000

// field is one line of the list.
type field struct {
	Field  string `json:"field"`
	Leaves bool   `json:"leaves"` // it is sent to Meta
	Events int    `json:"events"` // with this field
	Sample string `json:"sample,omitempty"`
	Why    string `json:"why,omitempty"` // why it is withheld
	last   int    // the last outcome that was counted
}

// add adds the fields of an outcome.
func (l *fieldList) add(x *mapper.Outcome) {
	if l.sent == nil {
		l.sent, l.withheld = make(map[string]*field), make(map[string]*field)
	}
	l.outcomes++
	for _, n := range x.Notes {
		if n.Code == mapper.NotePersonal {
			l.count(l.withheld, withoutIndexes(n.Field), "", n.Message)
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

// walk counts the fields of v, which is at path.
func (l *fieldList) walk(path string, v any) {
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

// count counts the current outcome for a field.
func (l *fieldList) count(in map[string]*field, path, sample, why string) {
	f := in[path]
	if f == nil {
		if len(in) >= maxFields {
			l.more++
			return
		}
		f = &field{Field: path, Leaves: why == "", Why: why, Sample: sample}
		in[path] = f
	}
	if f.last != l.outcomes {
		f.last = l.outcomes
		f.Events++
	}
}

// sampleOf masks a value: letters as x, digits as 9.
func sampleOf(v any) string {
	text, _ := json.Marshal(v)
	sample := event.Mask(string(text))
	return term.Cell(sample, 40)
}

// withoutIndexes removes the indexes from a path, so that the items of a list are one field.
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

// print prints the list of the fields of that many events.
func (l *fieldList) print(out io.Writer, asJSON bool, events int) error {
	lists := [][]*field{sorted(l.sent), sorted(l.withheld)}
	if asJSON {
		for _, f := range slices.Concat(lists...) {
			if err := term.JSONLine(out, f); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(out, "%s read. Fields that would be sent to Meta (samples masked):\n\n", term.Count(events, "event"))
	t := term.NewTable(out, "FIELD", "EVENTS", "SAMPLE")
	for _, f := range lists[0] {
		t.Row(f.Field, strconv.Itoa(f.Events), f.Sample)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(lists[1]) > 0 {
		fmt.Fprint(out, "\nFields that are withheld as personal:\n\n")
		t = term.NewTable(out, "FIELD", "EVENTS", "WHY")
		for _, f := range lists[1] {
			t.Row(f.Field, strconv.Itoa(f.Events), f.Why)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if l.more > 0 {
		fmt.Fprintf(out, "\n%d more fields are not listed. Does the till make a property for each customer?\n", l.more)
	}
	fmt.Fprint(out, "\nTo withhold a field, add it to custom_data.exclude in the mapping, or list the allowed fields in custom_data.only.\n")
	return nil
}

func sorted(of map[string]*field) []*field {
	out := make([]*field, 0, len(of))
	for _, f := range of {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *field) int { return strings.Compare(a.Field, b.Field) })
	return out
}
