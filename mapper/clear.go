package mapper

import (
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
)

// findPersonal marks the properties with personal names and collects what the event says about
// its customer.
func (s *subject) findPersonal() { s.filter.Begin(&s.t.Root, s.props, &s.keys, s.locale) }

// outward returns an id as it is sent. If that is its keyed hash, it adds a note for the field
// at, unless notes is nil.
func (s *subject) outward(id, at string, notes *noteList) string {
	out, why := s.filter.Keyed(id)
	if out != id && notes != nil {
		notes.add(noteHashedID, at, why)
	}
	return out
}

// outwardID is outward for a field of the conversion. It also explains the field.
func (s *subject) outwardID(id, field, at string, line int, raw *event.Node, notes *noteList) string {
	out := s.outward(id, at, notes)
	if s.x != nil {
		s.x.field(field, at, line, raw, nil, event.Quote(out))
		s.x.fields[len(s.x.fields)-1].personalRaw = out != id
	}
	return out
}

// findEventID sets event_id. Invariant: event_ids of two stores are never equal.
func (s *subject) findEventID() {
	if s.messageID != "" {
		id := s.messageID
		if s.ev.Store != "" {
			id = s.ev.Store + ":" + id // a store name has no colon
		}
		s.eventID = s.outward(id, "messageId", &s.notes)
	}
}

// settleClear rejects match keys that are sent unhashed and contain personal data: a till can
// send a phone number as the lead id. findPersonal must run first.
func (s *subject) settleClear() {
	for k := range match.Count {
		if match.Table[k].Hash != meta.Plain {
			continue
		}
		for i := range s.keys[k] {
			if why := s.filter.Clear(s.keys[k][i].Form); why != "" {
				s.takeBack(k, NotePersonal, strings.TrimSuffix(why, "; left out"))
				break
			}
		}
	}
}
