package mapper

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/match"
)

// maxUnread is the maximum depth at which noteUnread looks for addresses.
const maxUnread = 4

// noteUnread adds a note if an event without customer has an e-mail address or user id that no
// match key reads. Without the note, an entry missing in the mapping would silently turn every
// sale into a cash sale.
func (s *subject) noteUnread(notes *noteList) {
	for _, name := range [...]string{"user_id", "userid", "UserId", "userID", "UserID"} {
		if n := s.t.Root.Get(name); !n.Blank() {
			notes.add(NoteUnread, name, "a track call has userId; to read this one, write match_keys: external_id: ["+name+"]")
		}
	}
	s.noteUnreadIn(&s.t.Root, "", 0, notes)
}

func (s *subject) noteUnreadIn(n *event.Node, at string, depth int, notes *noteList) bool {
	if depth > maxUnread {
		return false
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		path := event.JoinPath(at, kid.Name)
		switch {
		case kid.Mark&(event.MarkExclude|event.MarkSource) != 0: // left out on purpose, or read: staff, for example
		case kid.Kind == event.Text && s.isCustomerEmail(kid.Text):
			notes.add(NoteUnread, path, "holds an e-mail address that no match key reads: write match_keys: email: ["+inList(path)+"] in the mapping")
			return true
		case kid.Kind == event.Object && s.noteUnreadIn(kid, path, depth+1, notes):
			return true
		}
	}
	return false
}

// inList returns a path as written in a YAML list of a mapping.
func inList(path string) string {
	if strings.ContainsAny(path, "[],:#") {
		return "'" + strings.ReplaceAll(path, "'", "''") + "'"
	}
	return path
}

// isCustomerEmail reports whether a text is an e-mail address other than the shop's own.
func (s *subject) isCustomerEmail(text string) bool {
	if !strings.Contains(text, "@") || s.m.rules.NeverCustomers.HasText(text) {
		return false
	}
	return match.Normalise(match.Email, text, s.locale, nil).Form != ""
}
