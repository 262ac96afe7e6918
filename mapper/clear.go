package mapper

import (
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
)

// findPersonal marks the properties that are personal by name, and gathers what
// the event says about its customer.
func (s *subject) findPersonal() { s.filter.Begin(&s.t.Root, s.props, &s.keys, s.locale) }

// outward is an id as it leaves, noted under at when that is its keyed hash, unless notes
// is nil.
func (s *subject) outward(id, at string, notes *noteList) string {
	out, why := s.filter.Keyed(id)
	if out != id && notes != nil {
		notes.add(noteHashedID, at, why)
	}
	return out
}

// outwardID is outward for a field of the conversion.
func (s *subject) outwardID(id, field, at string, line int, raw *event.Node, notes *noteList) string {
	out := s.outward(id, at, notes)
	if s.x != nil {
		s.x.field(field, at, line, raw, nil, event.Quote(out))
		s.x.fields[len(s.x.fields)-1].personalRaw = out != id
	}
	return out
}

// findEventID settles event_id. Invariant: those of two stores are never the same.
func (s *subject) findEventID() {
	if s.messageID != "" {
		id := s.messageID
		if s.ev.Store != "" {
			id = s.ev.Store + ":" + id // no store has a colon in its name
		}
		s.eventID = s.outward(id, "messageId", &s.notes)
	}
}

// settleClear takes back the match keys that leave unhashed and hold what is somebody's:
// a till may write a phone number where the lead's id was expected. It needs findPersonal.
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
