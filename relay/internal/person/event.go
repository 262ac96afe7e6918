package person

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// walk looks into every value and name of a body. What is not JSON, or is cut, is
// looked into as a text.
func (m *Matcher) walk(body []byte) bool {
	found, whole := m.json(body, 0)
	return found || !whole && (m.text(string(body), elsewhere) || m.loose(string(body)))
}

// deepest is how many layers of JSON text within JSON text are looked into.
const deepest = 4

func (m *Matcher) json(body []byte, depth int) (found, whole bool) { return look(m, body, depth) }

// looker sees what stands in an event, until it says true.
type looker interface {
	readName(s string, at place) (n name, found bool)
	see(text string, n name) bool
	seeNumber(text string, p place) bool
}

// look shows a JSON value to l, with the JSON text within it.
func look(l looker, body []byte, depth int) (found, whole bool) {
	return lookInto(new(jsontext.Decoder), l, body, depth)
}

// lookInto is look with a decoder of the caller's.
func lookInto(in *jsontext.Decoder, l looker, body []byte, depth int) (found, whole bool) {
	text := string(body)
	in.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	w := walker{l: l, depth: depth, in: in, text: text, plain: strings.IndexByte(text, '\\') < 0 && utf8.ValidString(text)}
	found, err := w.value(name{})
	if found || err != nil {
		return found, err == nil
	}
	_, err = in.ReadToken()
	return false, err != nil && strings.TrimSpace(text[in.InputOffset():]) == ""
}

// walker goes through one JSON value.
type walker struct {
	l     looker
	in    *jsontext.Decoder
	text  string // that in reads
	plain bool   // nothing in it is escaped
	depth int
}

// value looks into the next value, which stands under n.
func (w *walker) value(n name) (found bool, err error) {
	switch w.in.PeekKind() {
	case '"':
		s, err := w.string()
		return err == nil && w.seeText(s, n), err
	case '0':
		v, err := w.in.ReadValue()
		if err != nil || n.place != idPlace && n.place != phonePlace {
			return false, err
		}
		return w.l.seeNumber(strings.ToLower(string(v)), n.place), nil
	}
	t, err := w.in.ReadToken()
	if err != nil {
		return false, err
	}
	switch t.Kind() {
	case '{':
		return w.object(n)
	case '[':
		for w.in.PeekKind() != ']' {
			if found, err = w.value(n); found || err != nil {
				return found, err
			}
		}
		_, err = w.in.ReadToken()
	}
	return false, err
}

// string reads a string: a piece of the text, where nothing in it is escaped.
func (w *walker) string() (string, error) {
	v, err := w.in.ReadValue()
	if err != nil {
		return "", err
	}
	end := int(w.in.InputOffset())
	if s := w.text[end-len(v)+1 : end-1]; w.plain || strings.IndexByte(s, '\\') < 0 && utf8.ValidString(s) {
		return s, nil
	}
	b, _ := jsontext.AppendUnquote(nil, v) // an error is invalid UTF-8, which it mends
	return string(b), nil
}

func (w *walker) object(n name) (found bool, err error) {
	at := elsewhere
	if n.kin == ofPeople { // {"customers":{"4242":{…}}}
		at = idPlace
	}
	for w.in.PeekKind() != '}' {
		key, err := w.string()
		if err != nil {
			return false, err
		}
		child, found := w.l.readName(key, at)
		if found {
			return true, nil
		}
		child.place = child.within(n.kin)
		if child.kin == ofAnything {
			child.kin = n.kin
		}
		if found, err = w.value(child); found || err != nil {
			return found, err
		}
	}
	_, err = w.in.ReadToken()
	return false, err
}

func (w *walker) seeText(s string, n name) bool {
	if w.l.see(s, n) {
		return true
	}
	s = strings.TrimSpace(s)
	if w.depth < deepest && len(s) > 1 && (s[0] == '{' || s[0] == '[') {
		found, _ := look(w.l, []byte(s), w.depth+1)
		return found
	}
	return false
}

// see passes over names without digits that are no address: email and Kundennummer are the
// same in everybody's events.
func (m *Matcher) see(s string, n name) bool {
	for layer := range readings(s) {
		if layer = folded(layer); (!n.isName || strings.ContainsAny(layer, "@0123456789")) && m.written(layer, n.place) {
			return true
		}
	}
	return false
}

// seeNumber looks at a JSON number where ids or phones stand.
func (m *Matcher) seeNumber(s string, p place) bool {
	n, ok := wholeNumber(s)
	return ok && (m.numbers[n] || m.text(n, p))
}

func (m *Matcher) readName(s string, at place) (n name, found bool) {
	return m.places.of(s), m.see(s, name{place: at, isName: true})
}

// nameCache has names that were read: events have the same ones.
type nameCache map[string]name

func (c nameCache) of(s string) name {
	n, ok := c[s]
	if !ok {
		n = readName(s)
		if len(c) < 10_000 && len(s) < 100 {
			c[strings.Clone(s)] = n
		}
	}
	return n
}

// pair is a name and a number in something that is no JSON, or not to its end.
var pair = regexp.MustCompile(`"([^"]{1,100})"\s*:\s*"?\s*([0-9][0-9.eE+]{0,40})`)

// longNumber is what a bare number has at least to count where nothing says what
// stands there.
const longNumber = 6

// loose looks for bare numbers in a text of which the structure is not known.
func (m *Matcher) loose(s string) bool {
	if len(m.numbers) == 0 {
		return false
	}
	for layer := range readings(s) {
		if m.looseLayer(folded(layer)) {
			return true
		}
	}
	return false
}

func (m *Matcher) looseLayer(s string) bool {
	for _, p := range pair.FindAllStringSubmatch(s, -1) {
		if n, ok := wholeNumber(p[2]); ok && m.numbers[n] && m.places.of(p[1]).within(ofAnything) != elsewhere {
			return true
		}
	}
	for n := range m.numbers {
		if len(n) < longNumber {
			continue
		}
		w := word{text: n, digits: true}
		if w.in(s, idPlace) {
			return true
		}
	}
	return false
}
