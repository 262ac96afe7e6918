package person

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// matchBody searches every value and field name of a body. A body that is not JSON, or is cut
// off, is searched as text.
func (m *Matcher) matchBody(body []byte) bool {
	found, whole := m.matchJSON(body, 0)
	return found || !whole && (m.matchText(string(body), elsewhere) || m.matchNumbers(string(body)))
}

// maxJSONDepth is how many levels of JSON text within JSON text are searched.
const maxJSONDepth = 4

func (m *Matcher) matchJSON(body []byte, depth int) (found, whole bool) { return walk(m, body, depth) }

// visitor receives the texts and numbers of an event until one of its methods returns true.
type visitor interface {
	readName(s string, at place) (n name, found bool)
	visitText(text string, n name) bool
	visitNumber(text string, p place) bool
}

// walk passes the contents of a JSON value to l, including JSON text within strings.
func walk(l visitor, body []byte, depth int) (found, whole bool) {
	return walkWith(new(jsontext.Decoder), l, body, depth)
}

// walkWith is walk with the caller's decoder.
func walkWith(in *jsontext.Decoder, l visitor, body []byte, depth int) (found, whole bool) {
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

// walker walks one JSON value.
type walker struct {
	l     visitor
	in    *jsontext.Decoder
	text  string // what in reads
	plain bool   // nothing in it is escaped
	depth int
}

// value visits the next value, which stands under n.
func (w *walker) value(n name) (found bool, err error) {
	switch w.in.PeekKind() {
	case '"':
		s, err := w.string()
		return err == nil && w.visitString(s, n), err
	case '0':
		v, err := w.in.ReadValue()
		if err != nil || n.place != idPlace && n.place != phonePlace {
			return false, err
		}
		return w.l.visitNumber(strings.ToLower(string(v)), n.place), nil
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

// string reads a string. Without escapes it is a substring of the text.
func (w *walker) string() (string, error) {
	v, err := w.in.ReadValue()
	if err != nil {
		return "", err
	}
	end := int(w.in.InputOffset())
	if s := w.text[end-len(v)+1 : end-1]; w.plain || strings.IndexByte(s, '\\') < 0 && utf8.ValidString(s) {
		return s, nil
	}
	b, _ := jsontext.AppendUnquote(nil, v) // an error means invalid UTF-8, which AppendUnquote replaces
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

func (w *walker) visitString(s string, n name) bool {
	if w.l.visitText(s, n) {
		return true
	}
	s = strings.TrimSpace(s)
	if w.depth < maxJSONDepth && len(s) > 1 && (s[0] == '{' || s[0] == '[') {
		found, _ := walk(w.l, []byte(s), w.depth+1)
		return found
	}
	return false
}

// visitText skips field names without a digit or an @: most events
// have email or Kundennummer.
func (m *Matcher) visitText(s string, n name) bool {
	for layer := range textLayers(s) {
		if layer = folded(layer); (!n.isName || strings.ContainsAny(layer, "@0123456789")) && m.matchFolded(layer, n.place) {
			return true
		}
	}
	return false
}

// visitNumber matches a JSON number in a field for ids or phone numbers.
func (m *Matcher) visitNumber(s string, p place) bool {
	n, ok := wholeNumber(s)
	return ok && (m.numbers[n] || m.matchText(n, p))
}

func (m *Matcher) readName(s string, at place) (n name, found bool) {
	return m.places.of(s), m.visitText(s, name{place: at, isName: true})
}

// nameCache caches field names that were read: events repeat them.
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

// pair is a quoted name and a number, in text that is not valid JSON.
var pair = regexp.MustCompile(`"([^"]{1,100})"\s*:\s*"?\s*([0-9][0-9.eE+]{0,40})`)

// longNumber is the number of digits a bare number needs to count in text of unknown
// structure.
const longNumber = 6

// matchNumbers searches text of unknown structure for bare numbers.
func (m *Matcher) matchNumbers(s string) bool {
	if len(m.numbers) == 0 {
		return false
	}
	for layer := range textLayers(s) {
		if m.matchNumbersIn(folded(layer)) {
			return true
		}
	}
	return false
}

func (m *Matcher) matchNumbersIn(s string) bool {
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
