package mapper

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/match"
)

// maxUnread is the depth to which an event is searched for an address that no match key reads.
const maxUnread = 4

// noteUnread adds a note if an event without customer has an address or user id that no match
// key reads. A missing entry in the mapping would otherwise turn every sale into a cash sale.
func (s *subject) noteUnread(notes *noteList) {
	for _, name := range [...]string{"user_id", "userid", "UserId", "userID", "UserID"} {
		if n := s.t.Root.Get(name); !n.Blank() {
			notes.add(NoteUnread, name, "a track call has userId; match_keys: external_id: ["+name+"] reads this one")
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
		case kid.Mark&event.MarkExclude != 0:
		case kid.Kind == event.Text && s.isUnread(kid.Text):
			notes.add(NoteUnread, path, "holds an e-mail address that no match key reads: match_keys: email: ["+inList(path)+"] in the mapping does")
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

// isUnread reports whether a text is an e-mail address other than the shop's own.
func (s *subject) isUnread(text string) bool {
	if !strings.Contains(text, "@") || s.m.rules.House.Text(text) {
		return false
	}
	return match.Normalise(match.Email, text, s.locale, nil).Form != ""
}
