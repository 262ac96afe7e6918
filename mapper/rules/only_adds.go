package rules

import (
	"bytes"
	"slices"

	"relay/internal/strictyaml"
)

// OnlyAdds reports whether now is the mapping before with nothing but new events, or new event
// sets for an event. A file that is still being written can look like a removal, or its last
// entry can be incomplete; OnlyAdds returns false for both, and for a file with a mistake.
func OnlyAdds(before, now []byte) bool {
	if _, _, err := Parse("", now); err != nil {
		return false
	}
	old, newer := fields(before), fields(now)
	lines := map[int]bool{} // lines on which an entry starts, possibly with its value
	for name, v := range newer {
		if !slices.Contains(addableKeys(), name) {
			if o, ok := old[name]; !ok || !equal(o, v) {
				return false
			}
			continue
		}
		for _, f := range objectOf(v) {
			line, _ := f.Key.Pos()
			lines[line] = true
		}
	}
	for name, v := range old {
		n, ok := newer[name]
		switch {
		case !ok:
			return false
		case slices.Contains(addableKeys(), name) && !addsOnly(v, n):
			return false
		}
	}
	last, line, whole := lastLine(now)
	before, _, _ = lastLine(before)
	return whole && lines[line] || bytes.Equal(last, before)
}

// addableKeys returns the keys whose entries become routes.
func addableKeys() []string { return append(Lists(), "event_sets") }

// addsOnly reports whether now has every entry of before, possibly with more event sets.
func addsOnly(before, now strictyaml.Value) bool {
	have := map[string]strictyaml.Value{}
	for _, f := range objectOf(now) {
		have[f.Name] = f.Value
	}
	for _, f := range objectOf(before) {
		v, ok := have[f.Name]
		if !ok || !equal(f.Value, v) && !moreSets(f.Value, v) {
			return false
		}
	}
	return true
}

// moreSets reports whether both values list event sets in the short form and now has all of
// before's.
func moreSets(before, now strictyaml.Value) bool {
	have := now.OneOrList()
	for _, v := range have {
		if v.Kind() != strictyaml.ScalarKind {
			return false
		}
	}
	for _, v := range before.OneOrList() {
		if !slices.ContainsFunc(have, func(h strictyaml.Value) bool { return equal(v, h) }) {
			return false
		}
	}
	return true
}

// equal reports whether two values are equal, regardless of layout.
func equal(a, b strictyaml.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case strictyaml.ScalarKind:
		x, _ := a.Text()
		y, _ := b.Text()
		return x == y
	case strictyaml.ListKind:
		x, _ := a.List()
		y, _ := b.List()
		return slices.EqualFunc(x, y, equal)
	case strictyaml.ObjectKind:
		x, y := objectOf(a), objectOf(b)
		return slices.EqualFunc(x, y, func(f, g strictyaml.Field) bool { return f.Name == g.Name && equal(f.Value, g.Value) })
	}
	return true
}

// fields returns the top-level keys of a file; none if it is not valid YAML.
func fields(src []byte) map[string]strictyaml.Value {
	out := map[string]strictyaml.Value{}
	if doc, err := strictyaml.Parse("", src); err == nil {
		for _, f := range objectOf(doc.Root()) {
			out[f.Name] = f.Value
		}
	}
	return out
}

func objectOf(v strictyaml.Value) []strictyaml.Field {
	if v.Kind() != strictyaml.ObjectKind {
		return nil
	}
	o, _ := v.Object()
	return o.Fields()
}

// lastLine returns the last line with more than a comment, its number, and whether it ends with
// a line break.
func lastLine(src []byte) (text []byte, number int, whole bool) {
	n := 0
	for line := range bytes.Lines(src) {
		n++
		if t := bytes.TrimSpace(line); len(t) > 0 && t[0] != '#' {
			text, number, whole = t, n, bytes.HasSuffix(line, []byte("\n"))
		}
	}
	return text, number, whole
}
