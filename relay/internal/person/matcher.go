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

// Matcher finds the people that a list of names identifies.
type Matcher struct {
	names          []Name
	words          []word          // found anywhere
	numbers        map[string]bool // found in fields for ids, order numbers and phone numbers
	dialled        map[string]bool // found in phone fields
	tails          map[string]bool // last digits of phone numbers, a quick filter
	mappings       []mappingKeys
	phones         map[people.Key]phoneStyle // of all mappings, for any country
	countries      map[string]bool           // countries of events, as mapper.Mapping.KeysIn returns them
	eventCountries []string                  // country of the current event under each mapping; empty outside Event
	places         nameCache
}

// mappingKeys is a mapping and the match keys it makes of the names, by country of an event.
type mappingKeys struct {
	m    *mapper.Mapping
	keys map[string]map[people.Key]phoneStyle // a phone number also has the style its line is written in
}

// NewMatcher returns a Matcher that applies each mapping to an event. Pass earlier mappings
// too: events could have been sent with them.
func NewMatcher(names []Name, mappings ...*mapper.Mapping) *Matcher {
	m := &Matcher{
		names: names, numbers: make(map[string]bool), tails: make(map[string]bool), dialled: make(map[string]bool), phones: make(map[people.Key]phoneStyle),
		countries: make(map[string]bool), places: make(nameCache),
	}
	for _, one := range append([]*mapper.Mapping{defaultMapping()}, mappings...) {
		if one != nil && !slices.ContainsFunc(m.mappings, func(k mappingKeys) bool { return k.m.Digest() == one.Digest() }) {
			m.mappings = append(m.mappings, mappingKeys{one, make(map[string]map[people.Key]phoneStyle)})
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
				m.numbers[fold.OnlyDigits(n.text)] = true // in id fields too
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
			add(key.Value, false) // the hash itself, for values hashed before relay received them
		}
	}
	return m
}

// tailDigits is how many last digits are compared before the mapper parses a number.
const tailDigits = 4

// of returns the match keys of the names for an event of a country.
func (k *mappingKeys) of(names []Name, country string) map[people.Key]phoneStyle {
	keys, ok := k.keys[country]
	if ok {
		return keys
	}
	keys = make(map[people.Key]phoneStyle)
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
				keys[key] = max(keys[key], names[i].style)
			}
		}
	}
	k.keys[country] = keys
	return keys
}

// inCapitals returns the forms that were hashed if a till wrote an address in capitals, in
// languages that change i, ß and ς.
func inCapitals(address string) []string {
	return []string{address, cases.Upper(language.Und).String(address), cases.Upper(language.Turkish).String(address)}
}

// Event reports whether a received event is about one of the names. id is its messageId, if
// that is stored beside the body.
func (m *Matcher) Event(body []byte, id string, received time.Time) bool {
	m.eventCountries = m.eventCountries[:0]
	found := m.matchKeys(body, received) || id != "" && m.matchText(id, idPlace) || m.matchBody(body)
	m.eventCountries = m.eventCountries[:0]
	return found
}

// matchKeys reports whether a mapping makes the same match key of the event and of a name.
func (m *Matcher) matchKeys(body []byte, received time.Time) bool {
	for i := range m.mappings {
		k := &m.mappings[i]
		in, country := k.m.KeysIn(mapper.Event{Body: body, Received: received})
		if country != "" {
			m.countries[country] = true
		}
		m.eventCountries = append(m.eventCountries, country)
		of := k.of(m.names, country)
		for _, key := range in {
			if _, ok := of[key]; ok {
				return true
			}
		}
	}
	return false
}

// ID reports whether a messageId or order number is one of the names or contains one.
func (m *Matcher) ID(s string) bool { return s != "" && m.matchText(s, idPlace) }

// Text reports whether a text of unknown kind contains one of the names. A bare number counts
// from six digits on.
func (m *Matcher) Text(s string) bool { return m.matchText(s, elsewhere) || m.matchNumbers(s) }

// Cells reports whether a table row with an unknown header contains one of the names. A bare
// number counts if it fills a cell and has at least four digits: fewer are a quantity.
func (m *Matcher) Cells(cells []string) bool {
	for _, c := range cells {
		n := folded(c)
		if m.Text(c) || len(n) >= 4 && fold.IsDigits(n) && m.matchText(n, idPlace) {
			return true
		}
	}
	return false
}

// Fingerprints returns the fingerprints that receipts of these people can have: for the
// countries of the mappings and of the events seen so far, and as keyed order ids.
func (m *Matcher) Fingerprints(secret []byte) (prints []string) {
	for i := range m.names {
		prints = append(prints, people.KeyedID(secret, m.names[i].line))
	}
	for i := range m.mappings {
		k := &m.mappings[i]
		k.of(m.names, "")
		for country := range m.countries {
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

// matchText searches each layer of a text.
func (m *Matcher) matchText(s string, p place) bool {
	for layer := range textLayers(s) {
		if m.matchFolded(folded(layer), p) {
			return true
		}
	}
	return false
}

// matchFolded searches folded text, in which dashes can join or separate words.
func (m *Matcher) matchFolded(s string, p place) bool {
	if m.matchMarked(s, p) {
		return true
	}
	marked := fold.PlainPunctuation(s)
	return marked != s && m.matchMarked(marked, p)
}

func (m *Matcher) matchMarked(s string, p place) bool {
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
	return len(m.tails) > 0 && phoneRuns(s, func(r phoneRun) bool { return m.matchPhone(r, p) })
}

// matchPhone reports whether a run of digits is a phone number of one of the names. Outside id and
// phone fields it must be written like a phone number. A short number counts only in phone
// fields: customer 151124 is neither the date 15.11.24 nor the order 15-1124. For a longer
// one phoneStyle.matches decides.
func (m *Matcher) matchPhone(r phoneRun, p place) bool {
	if p != phonePlace && (p != idPlace && !r.marked || !r.plausible()) || !m.tails[string(r.digits[len(r.digits)-tailDigits:])] {
		return false
	}
	text, written := r.style(), strings.Map(plainMark, r.text)
	for i := range m.mappings {
		k := &m.mappings[i]
		of, here := m.phones, []string(nil)
		if i < len(m.eventCountries) && m.eventCountries[i] != "" {
			of, here = k.of(m.names, m.eventCountries[i]), m.eventCountries[i:i+1]
		}
		for _, key := range people.KeysOf(written, append(k.m.Countries(), here...)...) {
			if key.Key != "phone" {
				continue
			}
			for _, have := range [...]map[people.Key]phoneStyle{of, m.phones} {
				if line, ok := have[key]; ok && (p == phonePlace || line.matches(text)) {
					return true
				}
			}
		}
	}
	return false
}
