package mapper

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/rules"
)

// eventMembers holds the optional members of one conversion; "" means absent.
type eventMembers struct {
	actionSource      string
	optOut            string // true or false
	segmentation      string
	referrer, pageURL string
	original          [rules.OriginalCount]string
	hasOriginal       bool
}

// ownOr returns the sources of the event's route if it has any, else the mapping's.
func ownOr(own, of []rules.Source) []rules.Source {
	if own != nil {
		return own
	}
	return of
}

// firstValue returns the first value that is not blank, and its source.
func (s *subject) firstValue(sources []rules.Source) (*event.Node, *rules.Source) {
	for i := range sources {
		src := &sources[i]
		found, err := s.resolve(src, s.scratch[:0])
		if err != nil {
			s.failExpression(src, err)
			return nil, nil
		}
		s.scratch = found[:0]
		if len(found) > 1 {
			s.notes.add(noteSeveralValues, src.Label(), "several values where one is expected")
			continue
		}
		if len(found) == 1 && !found[0].Blank() {
			return found[0], src
		}
	}
	return nil, nil
}

// findMembers sets the members of one conversion.
func (s *subject) findMembers(r *rules.Route, c *conversion, notes *noteList) {
	own, all := &r.Members, &s.m.rules.Members
	c.actionSource = s.findActionSource(ownOr(own.ActionSource, all.ActionSource), notes)
	if n, src := s.firstValue(ownOr(own.OptOut, all.OptOut)); n != nil {
		c.optOut = s.readOptOut(n, src, notes)
		s.explainMember("opt_out", src, n, c.optOut)
	}
	if n, src := s.firstValue(ownOr(own.Segmentation, all.Segmentation)); n != nil {
		if text, _ := n.IDText(); slices.Contains(meta.Segmentations.Names, text) {
			c.segmentation = text
			s.explainMember("customer_segmentation", src, n, event.Quote(text))
		} else {
			notes.add(noteBadMember, src.Label(), "customer_segmentation is not one of Meta's values; left out")
		}
	}
	c.referrer = s.findURL("referrer_url", ownOr(own.Referrer, all.Referrer), c, notes)
	c.pageURL = s.findURL("event_source_url", ownOr(own.PageURL, all.PageURL), c, notes)
	for i := range rules.OriginalCount {
		s.findOriginal(i, ownOr(own.Original[i], all.Original[i]), c, notes)
	}
}

// findActionSource returns the first of Meta's words that a source gives, else physical_store.
func (s *subject) findActionSource(sources []rules.Source, notes *noteList) string {
	n, src := s.firstValue(sources)
	if n == nil {
		return rules.PhysicalStore
	}
	text, _ := n.IDText()
	text = strings.ToLower(text)
	if !slices.Contains(meta.ActionSources.Names, text) {
		notes.add(noteBadMember, src.Label(), "action_source is not one of Meta's values; physical_store is used")
		return rules.PhysicalStore
	}
	if src.Constant == nil {
		s.explainMember("action_source", src, n, event.Quote(text))
	}
	return text
}

// readOptOut reads a truth value. An unreadable value counts as an opt-out: none must be lost because
// of how a client writes it.
func (s *subject) readOptOut(n *event.Node, src *rules.Source, notes *noteList) string {
	text, ok := n.ScalarText()
	switch {
	case n.Kind == event.True:
		return "true"
	case n.Kind == event.False:
		return "false"
	case ok:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "yes", "y", "on", "1":
			return "true"
		case "false", "no", "n", "off", "0":
			return "false"
		}
	}
	notes.add(noteBadMember, src.Label(), "opt_out is neither true nor false; it counts as true")
	return "true"
}

// findURL reads the address of a web page. Events of stores do not carry one (docs/meta.md
// 2.6).
func (s *subject) findURL(name string, sources []rules.Source, c *conversion, notes *noteList) string {
	n, src := s.firstValue(sources)
	if n == nil {
		return ""
	}
	text, _ := n.IDText()
	why, code := "", noteBadMember
	switch {
	case !rules.IsWebAddress(text):
		why = name + " is not an address that starts with http:// or https://; left out"
	case s.personalURL(text):
		why, code = name+" holds personal data; left out", NotePersonal
	case c.actionSource == rules.PhysicalStore:
		why, code = name+" belongs to a visit to a web page, which a physical_store event is not; left out", noteWebSignal
	default:
		s.explainMember(name, src, n, event.Quote(text))
		return text
	}
	notes.add(code, src.Label(), why)
	return ""
}

// personalURL reports whether an address contains personal data, also in its query.
func (s *subject) personalURL(text string) bool {
	if s.filter.CheckText(text, "", false) != "" {
		return true
	}
	plain, err := url.QueryUnescape(text)
	return err != nil || s.filter.CheckText(plain, "", false) != ""
}

// findOriginal reads one member of original_event_data.
func (s *subject) findOriginal(i int, sources []rules.Source, c *conversion, notes *noteList) {
	n, src := s.firstValue(sources)
	if n == nil {
		return
	}
	at := "original_event_data." + meta.OriginalEvent.Names[i]
	if i == rules.OriginalTime {
		t, ok := s.m.rules.Times.Read(n, s.ev.Received)
		if !ok {
			notes.add(noteBadTime, src.Label(), at+" is not a readable time; left out")
			return
		}
		c.original[i], c.hasOriginal = strconv.FormatInt(t.Unix(), 10), true
	} else {
		text, ok := n.IDText()
		if !ok {
			notes.add(noteBadID, src.Label(), at+" is neither text nor a number; left out")
			return
		}
		if i == rules.OriginalName && s.filter.CheckText(text, "", false) != "" {
			notes.add(NotePersonal, src.Label(), at+" holds personal data; left out")
			return
		}
		if i != rules.OriginalName { // in the form in which the original event sent them
			text = s.idToSend(text, src.Label(), notes)
		}
		c.original[i], c.hasOriginal = event.Quote(text), true
	}
	s.explainMember(at, src, n, c.original[i])
}

func (s *subject) explainMember(name string, src *rules.Source, n *event.Node, value string) {
	if s.x != nil {
		s.x.field(name, src.Label(), src.Line, n, nil, value)
	}
}

// encodeMembers writes the members, except for action_source.
func (m *eventMembers) encodeMembers(o *object) {
	for _, f := range []struct{ name, value string }{
		{"event_source_url", m.pageURL}, {"referrer_url", m.referrer}, {"customer_segmentation", m.segmentation},
	} {
		if f.value != "" {
			o.text(f.name, f.value)
		}
	}
	if m.optOut != "" {
		o.raw("opt_out", m.optOut)
	}
	if m.hasOriginal {
		o.key("original_event_data")
		o.open()
		for i, value := range m.original {
			if value != "" {
				o.raw(meta.OriginalEvent.Names[i], value)
			}
		}
		o.close()
	}
}

// addOfflineNotes adds notes on members that the offline format does not have.
func (m *eventMembers) addOfflineNotes(notes *noteList) {
	for _, f := range []struct {
		name  string
		there bool
	}{
		{"opt_out", m.optOut != ""},
		{"customer_segmentation", m.segmentation != ""},
		{"referrer_url", m.referrer != ""},
		{"event_source_url", m.pageURL != ""},
		{"original_event_data", m.hasOriginal},
	} {
		if f.there {
			notes.add(noteNotOffline, f.name, fmt.Sprintf("the offline format has no %s; left out", f.name))
		}
	}
}
