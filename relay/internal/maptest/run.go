package maptest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"relay/internal/strictyaml"
	"relay/mapper"
)

// Run runs every test against a mapping and returns what failed.
func (s *Suite) Run(m *mapper.Mapping) []Failure {
	var out []Failure
	for i := range s.Tests {
		out = append(out, s.Tests[i].run(m)...)
	}
	return out
}

func (t *Test) run(m *mapper.Mapping) []Failure {
	got := m.Map(mapper.Event{Body: t.event, Received: t.now}, t.now, mapper.OverrideAPI(t.api))
	var out []Failure
	fail := func(line int, format string, args ...any) {
		out = append(out, Failure{t.Name, line, fmt.Sprintf(format, args...)})
	}
	for i, want := range t.expect {
		if i >= len(got) {
			fail(want.line, "expected %s, and there is no such outcome: the event has %d", want, len(got))
			continue
		}
		want.compare(m, got[i], func(format string, args ...any) { fail(want.line, format, args...) })
	}
	for _, g := range got[min(len(got), len(t.expect)):] {
		fail(t.Line, "%s, which is not expected", shown(g))
	}
	return out
}

func (x outcome) String() string {
	text := x.kind
	if x.reason != "" {
		text += " (" + x.reason + ")"
	}
	if x.set != "" {
		text += " for " + x.set
	}
	return text
}

// shown returns a short text of an outcome, without data of the event.
func shown(o mapper.Outcome) string {
	text := string(o.Kind)
	if o.Reason != "" {
		text += " (" + o.Reason + ")"
	}
	if o.EventSet != "" {
		text += " for " + o.EventSet
	}
	if o.Message != "" {
		text += ": " + o.Message
	}
	return text
}

func (x outcome) compare(m *mapper.Mapping, got mapper.Outcome, fail func(string, ...any)) {
	if x.kind != string(got.Kind) || x.reason != "" && x.reason != got.Reason {
		fail("expected %s, got %s", x, shown(got))
		return
	}
	if x.set != "" && setID(m, x.set) != got.EventSet {
		fail("expected event set %s, got %s", x.set, got.EventSet)
	}
	if x.api != "" && x.api != string(got.API) {
		fail("expected the %s format, got %s", x.api, got.API)
	}
	var codes []string
	for _, n := range got.Notes {
		if !slices.Contains(codes, n.Code) {
			codes = append(codes, n.Code)
		}
	}
	for _, code := range x.notes {
		if !slices.Contains(codes, code) {
			fail("expected the note %s, got %s", code, listed(codes))
		}
	}
	if x.noNotes && len(codes) > 0 {
		fail("expected no notes, got %s", listed(codes))
	}
	if x.conversion == nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(got.Conversion))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		fail("the conversion is no JSON: %v", err)
		return
	}
	within(*x.conversion, value, "conversion", fail)
}

func listed(codes []string) string {
	if len(codes) == 0 {
		return "none"
	}
	return strings.Join(codes, ", ")
}

// setID returns the id of an event set that a test names by id or name.
func setID(m *mapper.Mapping, set string) string {
	for _, s := range m.Sets() {
		if s.Name == set {
			return s.ID
		}
	}
	return set
}

// within checks a value against what a test expects.
func within(want strictyaml.Value, got any, at string, fail func(string, ...any)) {
	switch want.Kind() {
	case strictyaml.NullKind:
		if got != nil {
			fail("%s is there, and must not be", at)
		}
	case strictyaml.ObjectKind:
		object, ok := got.(map[string]any)
		if !ok {
			fail("%s: expected an object, got %s", at, kind(got))
			return
		}
		o, _ := want.Object()
		for _, f := range o.Fields() {
			within(f.Value, object[f.Name], at+"."+f.Name, fail)
		}
	case strictyaml.ListKind:
		list, ok := got.([]any)
		items, _ := want.List()
		if !ok {
			fail("%s: expected a list, got %s", at, kind(got))
			return
		}
		if len(items) != len(list) {
			fail("%s: expected %d items, got %d", at, len(items), len(list))
			return
		}
		for i, item := range items {
			within(item, list[i], at+"["+strconv.Itoa(i)+"]", fail)
		}
	default:
		scalar(want, got, at, fail)
	}
}

var hashForm = regexp.MustCompile(`^sha256\((.*)\)$`)

func scalar(want strictyaml.Value, got any, at string, fail func(string, ...any)) {
	text, _ := want.Text()
	if m := hashForm.FindStringSubmatch(text); m != nil {
		sum := sha256.Sum256([]byte(m[1]))
		if got != hex.EncodeToString(sum[:]) {
			fail("%s: expected %s, got %s", at, text, value(got))
		}
		return
	}
	same := false
	switch got := got.(type) {
	case string:
		same = got == text
	case bool:
		same = !want.IsQuoted() && text == strconv.FormatBool(got)
	case json.Number:
		a, okA := new(big.Rat).SetString(text)
		b, okB := new(big.Rat).SetString(string(got))
		same = !want.IsQuoted() && okA && okB && a.Cmp(b) == 0
	}
	if _, isText := got.(string); isText && !want.IsQuoted() && same && string(want.JSON()) != strconv.Quote(text) && len(want.JSON()) > 0 && want.JSON()[0] != '"' {
		same = false // a bare 42 is a number, and "42" is not one
	}
	if !same {
		fail("%s: expected %s, got %s", at, string(want.JSON()), value(got))
	}
}

// value returns a value for display. The event is in the same file, so showing it
// discloses nothing.
func value(got any) string {
	if got == nil {
		return "nothing"
	}
	b, err := json.Marshal(got)
	if err != nil {
		return kind(got)
	}
	return string(b)
}

func kind(got any) string {
	switch got.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	return "a single value"
}
