package mapper

import (
	"math"
	"strconv"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/money"
	"relay/mapper/outward"
	"relay/mapper/rules"
)

// setValue is the value that an entry of custom_data.set has for one event.
type setValue struct {
	name string
	node *event.Node
	line int
	from string

	constant bool // the value is a constant of the mapping
}

// evaluateSet finds the values of custom_data.set.
func (s *subject) evaluateSet() {
	for i := range s.custom.rules.Set {
		f := &s.custom.rules.Set[i]
		for j := range f.Sources {
			src := &f.Sources[j]
			found, err := s.resolve(src, s.scratch[:0])
			if err != nil {
				s.failExpression(src, err)
				break
			}
			s.scratch = found[:0]
			var n *event.Node
			switch {
			case len(found) == 1 && !src.Path.Many:
				n = found[0]
			case len(found) > 0:
				list := &event.Node{Kind: event.List, Name: f.Name}
				for _, item := range found {
					list.Kids = append(list.Kids, *item)
				}
				n = list
			}
			if !n.Blank() {
				s.filter.MarkSet(n, f.Name)
				s.setValues = append(s.setValues, setValue{f.Name, n, f.Line, src.Label(), src.Constant != nil})
				break
			}
		}
	}
}

// setValueOf returns the value of custom_data.set with a name, or nil.
func (s *subject) setValueOf(name string) *setValue {
	for i := range s.setValues {
		if s.setValues[i].name == name {
			return &s.setValues[i]
		}
	}
	return nil
}

// whyShortened is the note on an id that a spreadsheet has rounded. Different ids can be equal
// after rounding.
const whyShortened = "a number that a spreadsheet has shortened (9.99E+99); left out. Format its column as text"

// findIDs sets order_id and item_number.
func (s *subject) findIDs(c *conversion, notes *noteList) {
	for _, id := range []struct {
		name string
		into *string
	}{{"order_id", &c.orderID}, {"item_number", &c.itemNumber}} {
		n, at, line := s.props.Get(id.name), "properties."+id.name, 0
		if f := s.setValueOf(id.name); f != nil {
			n, at, line = f.node, f.from, f.line
		} else if n != nil && n.Mark&(event.MarkExclude|event.MarkSource) != 0 {
			continue
		}
		if n.Blank() {
			continue
		}
		text, ok := n.IDText()
		if !ok {
			notes.add(noteBadID, at, "an id that is neither text nor a number; left out")
			continue
		}
		if fold.LostDigits(text) {
			notes.add(noteBadID, at, whyShortened)
			continue
		}
		if match.IsPlaceholderID(text) && (id.name == "order_id" || strings.Trim(text, "0") != "") {
			notes.add(noteBadID, at, "is a placeholder that would make one sale look like a copy of another; left out")
			continue
		}
		if c.api == meta.Offline && id.name == "item_number" && c.orderID == "" {
			notes.add(noteItemNoOrder, at, "the offline format does not accept an item_number without an order_id; left out")
			continue
		}
		*id.into = s.idFieldToSend(text, id.name, at, line, n, notes)
	}
}

// customWriter writes the remaining properties to custom_data.
type customWriter struct {
	s     *subject
	c     *conversion
	notes *noteList
	out   []byte
	trail []crumb // path from the properties to the current node

	onlyListed bool // custom_data.only is given
	listed     int  // number of nodes on the trail that custom_data.only lists
}

// unlisted reports whether custom_data.only is given and lists neither the current node nor one
// that contains it.
func (w *customWriter) unlisted() bool { return w.onlyListed && w.listed == 0 }

type crumb struct {
	name  string
	index int // of a list item, when name is ""
}

// remainingProperties writes every property that is not used elsewhere, and the fields of
// custom_data.set, as JSON members without braces.
func (s *subject) remainingProperties(c *conversion, notes *noteList) []byte {
	w := customWriter{s: s, c: c, notes: notes, out: s.customData[:0], trail: s.trail[:0], onlyListed: s.custom.rules.Only != nil}
	defer func() { s.customData, s.trail = w.out, w.trail }()
	if s.props != nil {
		w.members(s.props, true, false)
	}
	w.onlyListed = false // custom_data.only does not apply to fields that the mapping sets
	for i := range s.setValues {
		f := &s.setValues[i]
		if rules.CustomData[f.name].Writer == meta.Order {
			continue
		}
		if f.node.Mark&event.MarkSource != 0 {
			notes.add(NotePersonal, f.from, "a source of a match key is not sent in custom_data")
			continue
		}
		if want := rules.CustomData[f.name]; !s.fits(want, f.node, c.name) {
			notes.add(noteWrongType, f.from, "custom_data."+f.name+" must be "+want.Shape.String()+"; left out")
			continue
		}
		w.trail = append(w.trail[:0], crumb{name: f.name})
		start := len(w.out)
		w.key(f.name)
		if !w.value(s.asNumber(rules.CustomData[f.name], f.node), f.name, f.constant, 1) {
			w.out = w.out[:start]
			continue
		}
		if s.x != nil {
			s.x.custom(f.name, f.from, f.line, f.node, string(w.out[valueStart(w.out, start, f.name):]))
		}
	}
	return w.out
}

// valueStart returns where the value of the member written at start begins.
func valueStart(out []byte, start int, name string) int {
	if start < len(out) && out[start] == ',' {
		start++
	}
	return start + len(event.AppendText(nil, name)) + 1
}

// key writes a member's name, after a comma if needed.
func (w *customWriter) key(name string) {
	if n := len(w.out); n > 0 && w.out[n-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(event.AppendText(w.out, name), ':')
}

// members writes the members of an object that can be sent.
func (w *customWriter) members(n *event.Node, top, kept bool) {
	for i := range n.Kids {
		kid := &n.Kids[i]
		w.trail = append(w.trail, crumb{name: kid.Name})
		start := len(w.out)
		if kid.Mark&event.MarkOnly != 0 {
			w.listed++
		}
		if w.wanted(kid, top, kept) {
			if top {
				kid = w.s.asNumber(rules.CustomData[kid.Name], kid)
			}
			w.key(kid.Name)
			if !w.value(kid, kid.Name, kept || kid.Mark&event.MarkKeep != 0, len(w.trail)) {
				w.out = w.out[:start]
			} else if top && w.s.x != nil {
				w.s.x.custom(kid.Name, w.at(), 0, kid, string(w.out[valueStart(w.out, start, kid.Name):]))
			}
		}
		if kid.Mark&event.MarkOnly != 0 {
			w.listed--
		}
		w.trail = w.trail[:len(w.trail)-1]
	}
}

// wanted reports whether the name and the marks of a member allow it to be sent.
func (w *customWriter) wanted(n *event.Node, top, kept bool) bool {
	switch {
	case n.Kind == event.Null:
		return false
	case n.Mark&event.MarkConsumed != 0 || n == w.c.consumed || n == w.s.currency.node && w.c.currency != "":
		return false
	case n.Mark&event.MarkExclude != 0:
		w.skip(n, "", "listed in custom_data.exclude")
		return false
	case n.Mark&event.MarkSource != 0:
		w.skip(n, NotePersonal, "a source of a match key is not sent in custom_data")
		return false
	case !kept && n.Mark&event.MarkKeep == 0 && w.s.filter.CheckText(n.Name, "", false) != "":
		w.trail[len(w.trail)-1].name = event.Mask(n.Name) // the name is personal, so a note must not show it
		w.skip(n, NotePersonal, "the name of the property holds personal data")
		return false
	case !kept && n.Mark&(event.MarkKeep|event.MarkPersonal) == event.MarkPersonal:
		w.skip(n, NotePersonal, "personal data is not sent in custom_data")
		return false
	case !top:
		return true
	}
	want := rules.CustomData[n.Name]
	if want.Writer == meta.Order || w.s.setValueOf(n.Name) != nil {
		return false
	}
	switch {
	case want.Writer == meta.Rules:
		if !n.Blank() && n.Name != "currency" && (n.Name != "value" || w.c.valueSource != "properties.value") {
			w.skip(n, noteMetaField, "custom_data."+n.Name+" is set by relay from the event's other properties; left out")
		}
		return false
	case !w.s.fits(want, n, w.c.name):
		w.skip(n, noteWrongType, "custom_data."+n.Name+" must be "+want.Shape.String()+"; left out")
		return false
	}
	return true
}

// skip records that the current node is left out: in the explanation and, unless code is "", as
// a note.
func (w *customWriter) skip(n *event.Node, code, why string) {
	if code != "" {
		w.notes.add(code, w.at(), why)
	}
	if w.s.x != nil {
		w.s.x.leftOut("custom_data", w.at(), 0, n, match.Value{Code: code, Why: why})
	}
}

// at returns the path of the current node, for notes.
func (w *customWriter) at() string {
	path := "properties"
	for _, c := range w.trail {
		if c.name == "" && c.index >= 0 {
			path += "[" + strconv.Itoa(c.index) + "]"
			continue
		}
		path = event.JoinPath(path, c.name)
	}
	return path
}

// value writes a value. It reports false if nothing of the value can be sent. The caller must
// then remove what value has written.
func (w *customWriter) value(n *event.Node, name string, kept bool, depth int) bool {
	if w.unlisted() && n.Kind != event.Object && n.Kind != event.List {
		w.skip(n, "", "not listed in custom_data.only")
		return false
	}
	switch n.Kind {
	case event.Null:
		return false
	case event.False:
		w.out = append(w.out, "false"...)
	case event.True:
		w.out = append(w.out, "true"...)
	case event.Text, event.Number:
		if why := w.s.filter.CheckValue(n, name, kept); why != "" {
			w.skip(n, NotePersonal, why)
			return false
		}
		if n.Kind == event.Text {
			w.out = event.AppendText(w.out, n.Text)
			break
		}
		var ok bool
		if w.out, ok = appendNumber(w.out, n.Text); !ok {
			w.skip(n, noteBadNumber, "a number too large for readers of JSON; left out")
			return false
		}
	default:
		if depth > outward.MaxDepth {
			w.skip(n, noteTooDeep, "nested too deeply; left out")
			return false
		}
		return w.nested(n, name, kept, depth)
	}
	return true
}

// nested writes a list or an object. It reports false if all of its content was left out; an
// empty one is sent.
func (w *customWriter) nested(n *event.Node, name string, kept bool, depth int) bool {
	if n.Kind == event.Object {
		w.out = append(w.out, '{')
		start := len(w.out)
		w.members(n, false, kept)
		empty := len(w.out) == start
		w.out = append(w.out, '}')
		return !empty || len(n.Kids) == 0 && !w.unlisted()
	}
	w.out = append(w.out, '[')
	start := len(w.out)
	for i := range n.Kids {
		kid := &n.Kids[i]
		w.trail = append(w.trail, crumb{index: i})
		before := len(w.out)
		if before > start {
			w.out = append(w.out, ',')
		}
		if kid.Mark&event.MarkOnly != 0 {
			w.listed++
		}
		if !kept && kid.Mark&(event.MarkKeep|event.MarkPersonal) == event.MarkPersonal {
			w.skip(kid, NotePersonal, "personal data is not sent in custom_data")
			w.out = w.out[:before]
			w.trail = w.trail[:len(w.trail)-1]
			continue
		}
		if kid.Mark&(event.MarkSource|event.MarkExclude|event.MarkConsumed) != 0 || kid == w.c.consumed || !w.value(kid, name, kept || kid.Mark&event.MarkKeep != 0, depth+1) {
			w.out = w.out[:before]
		}
		if kid.Mark&event.MarkOnly != 0 {
			w.listed--
		}
		w.trail = w.trail[:len(w.trail)-1]
	}
	empty := len(w.out) == start
	w.out = append(w.out, ']')
	return !empty || len(n.Kids) == 0 && !w.unlisted()
}

// appendNumber writes a number in decimal form if that takes at most 40 digits, else unchanged.
// It reports false for a number outside the range of a double: JSON readers store numbers as
// doubles, so one such number would make Meta refuse the whole request.
func appendNumber(dst []byte, number string) ([]byte, bool) {
	if out, ok := event.AppendDecimal(dst, number, 40); ok {
		return out, true
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(f, 0) {
		return dst, false
	}
	return append(dst, number...), true
}

// fits is rules.Fits for a property of the event. An amount in a currency other than the
// event's does not fit.
func (s *subject) fits(f meta.Field, n *event.Node, conversion string) bool {
	if !rules.Fits(f, n, conversion) {
		return false
	}
	if n.Kind != event.Text || f.Shape != meta.NumberShape {
		return true
	}
	m, _ := money.Read(n)
	return !m.Named.Any() || m.Named.Has(s.currency.code)
}

// asNumber returns a property as it is sent in a field of custom_data: text becomes a number if
// Meta expects one, unless the number is personal. The property must fit.
func (s *subject) asNumber(f meta.Field, n *event.Node) *event.Node {
	if n.Kind != event.Text || f.Shape != meta.NumberShape && f.Shape != meta.WholeShape || s.filter.CheckText(n.Text, f.Name, false) != "" {
		return n
	}
	m, ok := money.Read(n)
	if !ok {
		return n
	}
	if f.Shape == meta.NumberShape {
		m = m.In(s.currencyFor(m))
	}
	return &event.Node{Kind: event.Number, Name: n.Name, Text: m.Text, Mark: n.Mark}
}
