package mapper

import (
	"slices"

	"relay/mapper/people"
)

// KeysIn returns the match keys that identify people and that the mapping makes from an event,
// for all lists and event sets, even if the event is skipped, held or unmapped. country
// is the lower-case ISO alpha-2 code of the event's own country, or ""; pass it to KeysOf so
// that a phone number without country code is read as in the event. An event that is not a JSON
// object has no keys.
func (m *Mapping) KeysIn(ev Event) (keys []people.Key, country string) {
	s, err := m.newSubject(ev, ev.Received, settings{}, nil)
	defer s.done()
	if err != nil {
		return nil, ""
	}
	s.findObjects()
	s.findTime()
	s.markSources()
	for _, country := range m.rules.Countries() {
		s.defaults.Country = country
		s.deriveKeys()
		for _, k := range people.IdentifyingKeys {
			for i := range s.keys[k] {
				keys = people.AppendKey(keys, k, s.keys[k][i].Value)
			}
		}
	}
	return keys, s.locale.Country
}

// findPeople makes the fingerprints of the people that the event is about.
func (s *subject) findPeople() {
	if len(s.m.secret) == 0 {
		return
	}
	if s.fingerprinter == nil {
		s.fingerprinter = people.NewFingerprinter(s.m.secret)
	}
	text, n := s.written[:0], 0
	for _, k := range people.IdentifyingKeys {
		for i := range s.keys[k] {
			v := &s.keys[k][i]
			text = s.fingerprinter.Append(text, k, v.Form, v.Sum)
			n++
		}
	}
	s.written = text
	all := string(text)
	s.people = make([]string, 0, n)
	for ; all != ""; all = all[2*people.FingerprintBytes:] {
		if p := all[:2*people.FingerprintBytes]; !slices.Contains(s.people, p) { // an address and its hash have the same fingerprint
			s.people = append(s.people, p)
		}
	}
}
