package mapper

import (
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
)

// beginFilter starts the filter for the event. It marks the properties with personal names.
func (s *subject) beginFilter() { s.filter.Begin(&s.t.Root, s.props, &s.keys, s.locale) }

// idToSend returns an id as it is sent: unchanged or, if it is personal, as its keyed hash, with
// a note for the field at unless notes is nil.
func (s *subject) idToSend(id, at string, notes *noteList) string {
	out, why := s.filter.HashPersonalID(id)
	if out != id && notes != nil {
		notes.add(noteHashedID, at, why)
	}
	return out
}

// idFieldToSend is idToSend for a field of the conversion. It also adds the field to the
// explanation.
func (s *subject) idFieldToSend(id, field, at string, line int, raw *event.Node, notes *noteList) string {
	out := s.idToSend(id, at, notes)
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
		s.eventID = s.idToSend(id, "messageId", &s.notes)
	}
}

// rejectPersonalKeys rejects values of match keys that would be sent unhashed although they
// contain personal data: a till can send a phone number as the lead id. beginFilter must run
// first.
func (s *subject) rejectPersonalKeys() {
	for k := range match.Count {
		if match.Table[k].Hash != meta.Unhashed {
			continue
		}
		for i := range s.keys[k] {
			if why := s.filter.CheckUnhashed(s.keys[k][i].Form); why != "" {
				s.rejectKey(k, NotePersonal, strings.TrimSuffix(why, "; left out"))
				break
			}
		}
	}
}
