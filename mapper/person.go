package mapper

import (
	"slices"
	"strings"

	"relay/mapper/match"
)

// MatchKey is a match key that names one person, as Meta would hold it. Two
// spellings of an address, and its hash, give one MatchKey. MatchKeys can be
// compared and used as keys of a map.
type MatchKey struct {
	Key   string // email, phone, external_id or lead_id
	Value string // lower-case hex of the SHA-256 of the normal form; of a lead id its digits
}

// KeysIn returns the match keys that name people and that the mapping makes of
// an event, for whatever lists and event sets: also of an event that it skips,
// holds or does not know. country is the ISO alpha-2 code, in lower case, of the
// event's own country, "" when it names none; give it to KeysOf, so that a
// phone number written without its country's code is read as in the event.
// It returns no keys of what is no JSON object.
func (m *Mapping) KeysIn(ev Event) (keys []MatchKey, country string) {
	s, err := m.newSubject(ev, ev.Received, settings{}, nil)
	defer s.done()
	if err != nil {
		return nil, ""
	}
	s.frame()
	s.findTime()
	s.markSources()
	for _, country := range m.countries() {
		s.defaults.country = country
		s.deriveKeys()
		for _, k := range keysOfPeople {
			for i := range s.keys[k] {
				keys = appendKey(keys, k, s.keys[k][i].Value)
			}
		}
	}
	return keys, s.locale.Country
}

// KeysOf returns every match key that the mapping could make of one name of a
// person: an id (userId, lead id), an e-mail address, a phone number or the
// SHA-256 of one of these. A name that says not what it is, such as 4155550142,
// gives a key for each thing it may be; an address with a domain of letters beyond
// ASCII one for each spelling. A phone number without its country's
// code is read as one of each default_country of the mapping and of each of
// countries (ISO alpha-2). No keys: no event has this person under this name
// as a match key.
func (m *Mapping) KeysOf(name string, countries ...string) []MatchKey {
	var keys []MatchKey
	for _, k := range keysOfPeople {
		for _, raw := range readings(k, name) {
			keys = appendKey(keys, k, match.Normalise(k, raw, match.Locale{}, nil))
		}
	}
	for _, country := range append(m.countries(), countries...) {
		if country != "" {
			keys = appendKey(keys, match.Phone, match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(country)}, nil))
		}
	}
	return keys
}

// DialledOf returns the digits of a name of a person as a phone number, as people write
// them: plus behind a plus, or 00, plain without, as it is dialled in the countries of
// the mapping and in those that are given.
func (m *Mapping) DialledOf(name string, countries ...string) (plus, plain []string) {
	countries = append(m.countries(), countries...)
	for _, c := range countries {
		v := match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(c)}, nil)
		if v.Form == "" || v.Hashed || slices.Contains(plus, v.Form) {
			continue
		}
		more, local := match.Dialled(v.Form, countries)
		plus, plain = append(plus, more...), append(plain, local...)
	}
	return plus, plain
}

// appendKey appends a usable value of a key that is not there yet.
func appendKey(keys []MatchKey, k match.Key, n match.Value) []MatchKey {
	if n.Form == "" {
		return keys
	}
	key := MatchKey{Key: match.Table[k].Name, Value: n.Form}
	if k != match.LeadID {
		sum := match.SumOf(k, n)
		key.Value = string(sum[:])
	}
	if slices.Contains(keys, key) {
		return keys
	}
	return append(keys, key)
}

// Fingerprint is the fingerprint of a key in Outcome.People, under the same
// secret.
func (k MatchKey) Fingerprint(secret []byte) string {
	for id := range match.Count {
		if match.Table[id].Name != k.Key {
			continue
		}
		var sum match.Digest
		copy(sum[:], k.Value)
		return string(newFingerprinter(secret).append(nil, id, k.Value, sum))
	}
	return ""
}
