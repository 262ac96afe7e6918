package mapper

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
)

// identifierID is one of the members of user_data that are not hashed and that no
// till has by itself: they are sent only when the mapping lists a source.
type identifierID int

const (
	idClickID identifierID = iota
	idBrowserID
	idClientIP
	idUserAgent
	idSubscription
	idLogin
	idAnonymous
	idPage
	idPageScoped
	idClickToWhatsApp
	idInstagramAccount
	idInstagramSender
	identifierCount
)

// identifierTable is what an identifier is called, in the mapping and at Meta, and
// what it must be (docs/meta.md 2.5, 3.1).
var identifierTable = [identifierCount]struct {
	name  string
	form  func(string) (string, bool) // the text as it is sent
	says  string                      // what the form is
	web   bool                        // of a visit of a web page, which Meta marks as invalid on a store's event (docs/meta.md 2.6)
	plain bool                        // a number, written without quotes
}{
	idClickID:          {name: "fbc", form: clickForm, says: "of the form fb.1.<milliseconds>.<id>", web: true},
	idBrowserID:        {name: "fbp", form: clickForm, says: "of the form fb.1.<milliseconds>.<id>", web: true},
	idClientIP:         {name: "client_ip_address", form: addressForm, says: "an IPv4 or IPv6 address", web: true},
	idUserAgent:        {name: "client_user_agent", form: anyForm, says: "text", web: true},
	idSubscription:     {name: "subscription_id", form: anyForm, says: "text"},
	idLogin:            {name: "fb_login_id", form: numberOnly, says: "a whole number", plain: true},
	idAnonymous:        {name: "anon_id", form: anyForm, says: "text"},
	idPage:             {name: "page_id", form: anyForm, says: "text"},
	idPageScoped:       {name: "page_scoped_user_id", form: anyForm, says: "text"},
	idClickToWhatsApp:  {name: "ctwa_clid", form: anyForm, says: "text"},
	idInstagramAccount: {name: "ig_account_id", form: anyForm, says: "text"},
	idInstagramSender:  {name: "ig_sid", form: anyForm, says: "text"},
}

// identifierNames lists them.
func identifierNames() []string {
	out := make([]string, identifierCount)
	for i := range identifierTable {
		out[i] = identifierTable[i].name
	}
	return out
}

// maxIdentifier bounds the text of an identifier; a user agent is the longest.
const maxIdentifier = 1024

var clickIDForm = regexp.MustCompile(`^fb\.[0-9]+\.[0-9]+\..+$`)

func clickForm(s string) (string, bool) { return s, clickIDForm.MatchString(s) }
func anyForm(s string) (string, bool)   { return s, true }
func numberOnly(s string) (string, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return s, err == nil && n > 0
}

func addressForm(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	return a.String(), err == nil && a.Zone() == ""
}

// identifier is what an event has of one.
type identifier struct{ value, at string }

// findIdentifiers reads those that the mapping lists sources of.
func (s *subject) findIdentifiers() {
	for id := range s.m.identifiers {
		n, src := s.firstOf(s.m.identifiers[id])
		if n == nil {
			continue
		}
		s.customer = true
		t := &identifierTable[id]
		raw, ok := n.ScalarText()
		value := fold.Clean(raw)
		if ok && value != "" && len(value) <= maxIdentifier {
			value, ok = t.form(value)
		} else {
			ok = false
		}
		switch {
		case !ok:
			s.leaveOutIdentifier(t.name, src, n, noteBadIdentifier, "not "+t.says+"; left out")
		case match.IsPlaceholder(strings.ToLower(value)):
			s.leaveOutIdentifier(t.name, src, n, noteBadIdentifier, match.WhyPlaceholder+"; left out")
		case s.whyProduct(value) != "":
			s.leaveOutIdentifier(t.name, src, n, NotePersonal, s.whyProduct(value))
		default:
			s.identifiers[id] = identifier{value, src.label()}
			if s.x != nil {
				s.x.field(t.name, src.label(), src.line, n, nil, value)
				s.x.fields[len(s.x.fields)-1].personal = true
			}
		}
	}
}

func (s *subject) leaveOutIdentifier(name string, src *source, n *event.Node, code, why string) {
	s.notes.add(code, src.label(), why)
	if s.x != nil {
		s.x.leftOut(name, src.label(), src.line, n, match.Value{Code: code, Why: why})
	}
}

// identifiersOf says which identifiers a conversion carries.
func (s *subject) identifiersOf(c *conversion, id identifierID) bool {
	return s.identifiers[id].value != "" && c.api == Conversions &&
		!(c.actionSource == physicalStore && identifierTable[id].web)
}

// identifierNotes says which identifiers stay behind.
func (s *subject) identifierNotes(c *conversion, notes *noteList) {
	for id := range identifierCount {
		switch {
		case s.identifiers[id].value == "" || s.identifiersOf(c, id):
		case c.api == Offline:
			notes.add(noteNotOffline, s.identifiers[id].at, "the offline format has no "+identifierTable[id].name+"; left out")
		default:
			notes.add(noteWebSignal, s.identifiers[id].at, identifierTable[id].name+" belongs to a visit of a web page, which a physical_store event is not; left out")
		}
	}
}

// encodeIdentifiers writes them as members of user_data.
func (s *subject) encodeIdentifiers(o *object, c *conversion) {
	for id := range identifierCount {
		switch {
		case !s.identifiersOf(c, id):
		case identifierTable[id].plain:
			o.raw(identifierTable[id].name, s.identifiers[id].value)
		default:
			o.text(identifierTable[id].name, s.identifiers[id].value)
		}
	}
}
