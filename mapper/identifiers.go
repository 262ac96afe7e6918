package mapper

import (
	"net/netip"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/rules"
)

// identifierCount is the number of identifiers: members of user_data that are not hashed and
// are sent only if the mapping lists a source.
const identifierCount = len(meta.Identifiers)

// maxIdentifier is the maximum length of an identifier. User agents are the longest.
const maxIdentifier = 1024

// identifier is the value of an identifier in an event, and its source.
type identifier struct{ value, at string }

// findIdentifiers reads the identifiers for which the mapping lists sources.
func (s *subject) findIdentifiers() {
	for id := range s.m.rules.Identifiers {
		n, src := s.firstValue(s.m.rules.Identifiers[id])
		if n == nil {
			continue
		}
		s.hasCustomer = true
		t := &meta.Identifiers[id]
		raw, ok := n.ScalarText()
		value := fold.Clean(raw)
		switch {
		case !ok || len(value) > maxIdentifier || !t.Form.Fits(value):
			s.leaveOutIdentifier(t.Name, src, n, noteBadIdentifier, "not "+t.Form.String()+"; left out")
		case match.IsPlaceholder(strings.ToLower(value)):
			s.leaveOutIdentifier(t.Name, src, n, noteBadIdentifier, match.RejectPlaceholder(t.Name).Why)
		case s.filter.CheckUnhashed(value) != "":
			s.leaveOutIdentifier(t.Name, src, n, NotePersonal, s.filter.CheckUnhashed(value))
		default:
			if t.Form == meta.Address {
				value = netip.MustParseAddr(value).String() // Fits has checked it
			}
			s.identifiers[id] = identifier{value, src.Label()}
			if s.x != nil {
				s.x.field(t.Name, src.Label(), src.Line, n, nil, value)
				s.x.fields[len(s.x.fields)-1].personal = true
			}
		}
	}
}

func (s *subject) leaveOutIdentifier(name string, src *rules.Source, n *event.Node, code, why string) {
	s.notes.add(code, src.Label(), why)
	if s.x != nil {
		s.x.leftOut(name, src.Label(), src.Line, n, match.Value{Code: code, Why: why})
	}
}

// sendsIdentifier reports whether a conversion contains an identifier.
func (s *subject) sendsIdentifier(c *conversion, id int) bool {
	return s.identifiers[id].value != "" && c.api == meta.Conversions &&
		!(c.actionSource == rules.PhysicalStore && meta.Identifiers[id].Web)
}

// addIdentifierNotes adds notes on identifiers that are not sent.
func (s *subject) addIdentifierNotes(c *conversion, notes *noteList) {
	for id := range identifierCount {
		switch {
		case s.identifiers[id].value == "" || s.sendsIdentifier(c, id):
		case c.api == meta.Offline:
			notes.add(noteNotOffline, s.identifiers[id].at, "the offline format has no "+meta.Identifiers[id].Name+"; left out")
		default:
			notes.add(noteWebSignal, s.identifiers[id].at, meta.Identifiers[id].Name+" belongs to a visit to a web page, which a physical_store event is not; left out")
		}
	}
}

// encodeIdentifiers writes the identifiers as members of user_data.
func (s *subject) encodeIdentifiers(o *object, c *conversion) {
	for id := range identifierCount {
		switch {
		case !s.sendsIdentifier(c, id):
		case meta.Identifiers[id].Form == meta.WholeNumber:
			o.raw(meta.Identifiers[id].Conversions, s.identifiers[id].value)
		default:
			o.text(meta.Identifiers[id].Conversions, s.identifiers[id].value)
		}
	}
}
