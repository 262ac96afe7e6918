package person

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"relay/mapper"
	"relay/mapper/fold"
	"relay/mapper/people"
)

// Matcher finds the people that some names mean.
type Matcher struct {
	names    []Name
	words    []word          // found anywhere
	numbers  map[string]bool // found where ids, order numbers and phones stand
	dialled  map[string]bool // found where phones stand
	tails    map[string]bool // the last digits of phone numbers, to pass over others at once
	mappings []known
	phones   map[people.Key]spoken // of all mappings, whatever the country
	seen     map[string]bool       // countries of events, as mapper.KeysIn gives them
	here     []string              // that of the event at hand, for each mapping; or none
	places   nameCache
}

// known is a mapping with what it makes of the names, by the country of an event.
type known struct {
	m    *mapper.Mapping
	keys map[string]map[people.Key]spoken // and of a phone number how surely the line is one
}

// NewMatcher finds the names in what any of the mappings makes of an event, those of
// before too: what is at hand may have been sent by them.
func NewMatcher(names []Name, mappings ...*mapper.Mapping) *Matcher {
	m := &Matcher{
		names: names, numbers: make(map[string]bool), tails: make(map[string]bool), dialled: make(map[string]bool), phones: make(map[people.Key]spoken),
		seen: make(map[string]bool), places: make(nameCache),
	}
	for _, one := range append([]*mapper.Mapping{plain()}, mappings...) {
		if one != nil && !slices.ContainsFunc(m.mappings, func(k known) bool { return k.m.Digest() == one.Digest() }) {
			m.mappings = append(m.mappings, known{one, make(map[string]map[people.Key]spoken)})
		}
	}
	add := func(text string, address bool) {
		if !slices.ContainsFunc(m.words, func(w word) bool { return w.text == text }) {
			m.words = append(m.words, newWord(text, address))
		}
	}
	for i := range names {
		n := &names[i]
		switch {
		case n.number != "":
			m.numbers[n.number] = true
		default:
			add(n.text, n.address)
			for _, other := range n.others {
				add(other, n.address)
			}
		}
		if n.phone {
			if d := fold.OnlyDigits(n.text); len(d) >= tailDigits {
				m.tails[d[len(d)-tailDigits:]] = true
			}
			if n.number == "" {
				m.dialled[fold.OnlyDigits(n.text)] = true
			}
			if strings.HasPrefix(n.text, "+") || strings.HasPrefix(n.text, "00") {
				m.numbers[fold.OnlyDigits(n.text)] = true // in the places of ids, too
			}
		}
	}
	for _, k := range m.mappings {
		for key, s := range k.of(names, "") {
			switch key.Key {
			case "lead_id":
				m.numbers[key.Value] = true
				continue
			case "phone":
				m.phones[key] = max(m.phones[key], s)
			}
			add(key.Value, false) // the hash, where somebody has hashed before
		}
	}
	return m
}

// tailDigits is how much of a number's end is compared before the mapper reads it.
const tailDigits = 4

// of are the match keys of the names for an event of a country.
func (k *known) of(names []Name, country string) map[people.Key]spoken {
	keys, ok := k.keys[country]
	if ok {
		return keys
	}
	keys = make(map[people.Key]spoken)
	var of []string
	if country != "" {
		of = append(of, country)
	}
	for i := range names {
		lines := []string{names[i].line}
		switch {
		case names[i].phone:
			lines = append(lines, strings.Map(plainMark, names[i].text))
		case names[i].address:
			lines = append(lines, inCapitals(names[i].text)...)
		}
		for _, line := range lines {
			for _, key := range people.KeysOf(line, append(k.m.Countries(), of...)...) {
				keys[key] = max(keys[key], names[i].spoken)
			}
		}
	}
	k.keys[country] = keys
	return keys
}

// inCapitals are the forms that hashes of an address are made of when a till wrote it
// in capitals, in a language that makes others of i, ß and ς.
func inCapitals(address string) []string {
	return []string{address, cases.Upper(language.Und).String(address), cases.Upper(language.Turkish).String(address)}
}

// Event says whether an event, as it was received, is about one of them. id is its
// messageId where that is kept beside it.
func (m *Matcher) Event(body []byte, id string, received time.Time) bool {
	m.here = m.here[:0]
	found := m.keys(body, received) || id != "" && m.text(id, idPlace) || m.walk(body)
	m.here = m.here[:0]
	return found
}

// keys says whether a mapping makes a match key of the event that it makes of a name.
func (m *Matcher) keys(body []byte, received time.Time) bool {
	for i := range m.mappings {
		k := &m.mappings[i]
		in, country := k.m.KeysIn(mapper.Event{Body: body, Received: received})
		if country != "" {
			m.seen[country] = true
		}
		m.here = append(m.here, country)
		of := k.of(m.names, country)
		for _, key := range in {
			if _, ok := of[key]; ok {
				return true
			}
		}
	}
	return false
}

// ID says whether a messageId or order number is one of the names, or holds one.
func (m *Matcher) ID(s string) bool { return s != "" && m.text(s, idPlace) }

// Text says whether one of them stands in a text of which nothing else is known. A
// bare number counts there from six digits on.
func (m *Matcher) Text(s string) bool { return m.text(s, elsewhere) || m.loose(s) }

// Cells says whether one of them stands in a row of a table whose header is not
// known. A bare number counts when it is all of a cell and has four digits: less is
// a quantity.
func (m *Matcher) Cells(cells []string) bool {
	for _, c := range cells {
		n := folded(c)
		if m.Text(c) || len(n) >= 4 && fold.IsDigits(n) && m.text(n, idPlace) {
			return true
		}
	}
	return false
}

// Fingerprints are those under which receipts have the names: in the countries of the
// mappings, and of the events that were looked at; and as order numbers that may not be
// told.
func (m *Matcher) Fingerprints(secret []byte) (prints []string) {
	for i := range m.names {
		prints = append(prints, people.KeyedID(secret, m.names[i].line))
	}
	for i := range m.mappings {
		k := &m.mappings[i]
		k.of(m.names, "")
		for country := range m.seen {
			k.of(m.names, country)
		}
		for _, keys := range k.keys {
			for key := range keys {
				if p := key.Fingerprint(secret); !slices.Contains(prints, p) {
					prints = append(prints, p)
				}
			}
		}
	}
	return prints
}

// text looks into one text, in each of its layers.
func (m *Matcher) text(s string, p place) bool {
	for layer := range readings(s) {
		if m.written(folded(layer), p) {
			return true
		}
	}
	return false
}

// written looks into a folded text whose dashes may join words or part them.
func (m *Matcher) written(s string, p place) bool {
	if m.folded(s, p) {
		return true
	}
	marked := fold.PlainPunctuation(s)
	return marked != s && m.folded(marked, p)
}

func (m *Matcher) folded(s string, p place) bool {
	whole := p == mailPlace && isAddress(s)
	for i := range m.words {
		switch w := &m.words[i]; {
		case whole && w.address:
			if w.text == s {
				return true
			}
		case w.in(s, p):
			return true
		}
	}
	switch p {
	case idPlace:
		if numberIn(s, m.numbers) {
			return true
		}
	case phonePlace:
		if phoneLike(s) && (m.numbers[fold.OnlyDigits(s)] || m.dialled[fold.OnlyDigits(s)]) {
			return true
		}
	}
	return len(m.tails) > 0 && phoneRuns(s, func(r phoneRun) bool { return m.phone(r, p) })
}

// phone says whether a run of digits is a phone number of one of them. Elsewhere than
// where ids and phones stand it has to be written as one, and nowhere but where phones do is a
// short number one: a customer's 151124 is no 15.11.24, nor the 15-1124 of an order. Of a longer one
// spoken.means decides.
func (m *Matcher) phone(r phoneRun, p place) bool {
	if p != phonePlace && (p != idPlace && !r.marked || !r.dialled()) || !m.tails[string(r.digits[len(r.digits)-tailDigits:])] {
		return false
	}
	text, written := r.spoken(), strings.Map(plainMark, r.text)
	for i := range m.mappings {
		k := &m.mappings[i]
		of, here := m.phones, []string(nil)
		if i < len(m.here) && m.here[i] != "" {
			of, here = k.of(m.names, m.here[i]), m.here[i:i+1]
		}
		for _, key := range people.KeysOf(written, append(k.m.Countries(), here...)...) {
			if key.Key != "phone" {
				continue
			}
			for _, have := range [...]map[people.Key]spoken{of, m.phones} {
				if line, ok := have[key]; ok && (p == phonePlace || line.means(text)) {
					return true
				}
			}
		}
	}
	return false
}
