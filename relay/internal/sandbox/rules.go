package sandbox

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"time"
)

// event is one element of data.
type event struct {
	index int
	raw   []byte
	m     map[string]any // numbers as json.Number
}

// decode reads the elements; bad is the first that is not an object.
func decode(list []json.RawMessage) (events []*event, bad *fault) {
	events = make([]*event, 0, len(list))
	for i, raw := range list {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		e := &event{index: i, raw: raw}
		if d.Decode(&e.m) != nil || e.m == nil || d.More() {
			if bad == nil {
				bad = &fault{code: 100, index: i, text: "Every element of data must be an object."}
			}
			e.m = map[string]any{}
		}
		events = append(events, e)
	}
	return events, bad
}

// rule is one requirement on an event, with its source section of
// docs/meta.md and the section's evidence mark (M
// Meta's documentation, C Meta's code, O observed, T third party, I our
// inference: strict where nothing is known, so that an event accepted here
// should be accepted by Meta).
type rule struct {
	name  string
	fact  string
	check func(*judge, *event) *fault
}

// judge holds the state, other than the event, on which rules depend.
type judge struct {
	set *Settings
	now time.Time
}

// first returns the fault of the first broken rule.
func (j *judge) first(rules []rule, e *event) *fault {
	for _, r := range rules {
		if f := r.check(j, e); f != nil {
			return f
		}
	}
	return nil
}

// Rules returns the rules of a format with their sources, for GET /sandbox/rules.
func Rules(legacy bool) []map[string]string {
	rules := conversionRules
	if legacy {
		rules = offlineRules
	}
	out := make([]map[string]string, len(rules))
	for i, r := range rules {
		out[i] = map[string]string{"rule": r.name, "fact": r.fact}
	}
	return out
}

// Faults of the rules. Text names fields, never values.
func invalid(path, text string) *fault { return &fault{path: path, text: text} }
func server(path, text string) *fault  { return &fault{subcode: 2804019, path: path, text: text} }

// str returns v if it is text, otherwise "".
func str(v any) string {
	s, _ := v.(string)
	return s
}

// plain returns v as text, also if it is a number.
func plain(v any) string {
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return str(v)
}

// whole returns v if it is a JSON number without a fraction.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return i, err == nil
}

// amount returns the sign of v if it is a JSON number of a plausible size.
func amount(v any) (sign int, ok bool) {
	n, isNumber := v.(json.Number)
	if !isNumber || len(n) > 64 {
		return 0, false
	}
	f, _, err := big.ParseFloat(n.String(), 10, 200, big.ToNearestEven)
	if err != nil || f.MantExp(nil) > 100 {
		return 0, false
	}
	return f.Sign(), true
}

// textList returns v as a list of texts; a text is a list of one.
func textList(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		out := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out[i] = s
		}
		return out, true
	}
	return nil, false
}

// unknown returns the first member of m that is not in known, in order.
func unknown(m map[string]any, known map[string]bool) string {
	first := ""
	for k := range m {
		if !known[k] && (first == "" || k < first) {
			first = k
		}
	}
	return first
}

func names(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, n := range list {
		m[n] = true
	}
	return m
}
