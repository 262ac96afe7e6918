package mapper

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"relay/mapper/event"
	"relay/mapper/expr"
	"relay/mapper/match"
	"relay/mapper/outward"
	"relay/mapper/people"
	"relay/mapper/rules"
)

// subject is one event on its way through a mapping.
type subject struct {
	m   *Mapping
	now time.Time
	set settings
	x   *tracer // collects the explanation; nil: nobody asked

	call
	notes  noteList
	framed int // how many of them are about the form of the event

	// What is found once for all conversions of the event to event sets with the same
	// defaults (prepare).
	prepared bool           // once
	defaults rules.Defaults // that it was found for
	when     time.Time      // event_time
	undated  bool           // when says nothing about the event
	customer
	sale
	custom

	reused
}

// call is the event as it came.
type call struct {
	ev        Event
	t         *event.Tree
	name      string // of the event
	messageID string
	props     *event.Node // nil when absent or no object
	context   *event.Node
	options   *event.Node // integrations

	env expr.Env // what expressions see; nil: nobody asked, or it is too much
}

// customer is whom the event is about.
type customer struct {
	keys        match.ValuesByKey
	firstKeys   [match.Count]match.ValueSum // space for the first value of each
	sourcesOf   [match.Count]int            // where the sources of each begin
	results     [match.Count]KeyResult      // but for Key and Values: keyResults adds them
	identifiers [identifierCount]identifier
	people      []string
	locale      match.Locale

	hasCustomer  bool // the event carries something a match key could come from
	countryGiven bool
	house        houseFound
}

// sale is what the event says was sold, where and under which terms.
type sale struct {
	eventID    string // messageID as it leaves
	currency   currencyFound
	goods      goods
	processing *processing
	store      [rules.StoreCount]string // members of store_data, as JSON
	storeName  string
}

// custom is what custom_data gets beside the properties that are left, by the rules of a
// route, and which expression failed.
type custom struct {
	rules *rules.Custom
	fixed []fixedField
	asked *event.Node // the property that search_string came from

	exprError string // why an expression of a match key or custom field failed; "" when none did
	keyError  string // the part of it that holds for every conversion
	ruleError string // and for those with the same rules of custom_data
}

// reused is what one event leaves to the next: memory, nothing of its content but places.
type reused struct {
	filter outward.Filter
	places match.PlaceCache
	told   []KeyResult           // the last answer of keyResults: paths and reasons, no values
	prints *people.Fingerprinter // nil until needed

	d          *event.Decoder
	routes     []*rules.Route
	scratch    []*event.Node
	sources    []*event.Node // what the plain sources of the match keys lead to
	written    []byte        // the conversion being written
	customData []byte        // custom_data of it
	trail      []crumb
	ids        []string
	contents   []content
}

// newSubject decodes an event. It returns false when the event is no object.
func (m *Mapping) newSubject(ev Event, now time.Time, set settings, x *tracer) (*subject, error) {
	s, _ := m.subjects.Get().(*subject)
	if s == nil {
		s = &subject{reused: reused{places: match.NewPlaceCache(), d: event.NewDecoder(), filter: outward.New(&m.names, m.secret)}}
	}
	s.m, s.ev, s.now, s.set, s.x, s.messageID = m, ev, now, set, x, ev.MessageID
	t, err := s.d.Decode(ev.Body)
	if err != nil {
		return s, err
	}
	s.t = t
	if t.Root.Kind != event.Object {
		return s, fmt.Errorf("decode event: not an object")
	}
	if s.messageID == "" {
		text, _ := t.Root.Get("messageId").ScalarText()
		s.messageID = strings.TrimSpace(text)
	}
	if n := t.Root.Get("event"); n != nil && n.Kind == event.Text && strings.TrimSpace(n.Text) != "" {
		s.name = n.Text
	}
	return s, nil
}

// done gives back what mapping an event borrowed, emptied. Nothing that leaves
// Map holds a node or any of the memory.
func (s *subject) done() {
	m, r := s.m, s.reused
	if !r.d.Release() || cap(r.written)+cap(r.customData)+r.filter.Kept() > keptBytes || cap(r.ids)+cap(r.contents)+cap(r.scratch)+cap(r.trail) > keptItems {
		return
	}
	clear(r.routes[:cap(r.routes)])
	clear(r.scratch[:cap(r.scratch)])
	clear(r.sources[:cap(r.sources)])
	clear(r.trail[:cap(r.trail)])
	clear(r.ids[:cap(r.ids)])
	clear(r.contents[:cap(r.contents)])
	clear(r.written[:cap(r.written)])
	clear(r.customData[:cap(r.customData)])
	r.filter.Forget()
	*s = subject{reused: r}
	m.subjects.Put(s)
}

// keptBytes is the most text that is kept space for, keptItems the most of anything else.
const (
	keptBytes = 64 << 10
	keptItems = 1024
)

// verdict is an outcome that is the same for every conversion of an event; the
// zero value: none.
type verdict struct {
	kind            Kind
	reason, message string
}

// whole looks at what decides an event as a whole, before its routes.
func (s *subject) whole(err error) verdict {
	if err != nil {
		if s.ev.TooLarge && s.t == nil { // it may have been cut
			return verdict{Hold, ReasonTooLarge, "the event is over the size limit"}
		}
		if errors.Is(err, event.ErrTooDeep) {
			return verdict{Hold, ReasonInvalid, event.ErrTooDeep.Error()}
		}
		return verdict{Hold, ReasonInvalid, "the message is not a JSON object"}
	}
	if n := s.t.Root.Get("type"); n != nil && n.Kind == event.Text && event.IsOtherCall(n.Text, s.name != "") {
		return verdict{Skip, ReasonNotTrack, ""}
	}
	if s.name == "" {
		return verdict{Hold, ReasonInvalid, "event is " + missingName(s.t.Root.Get("event"))}
	}
	if s.ev.TooLarge {
		return verdict{Hold, ReasonTooLarge, "the event is over the size limit"}
	}
	s.frame()
	switch {
	case s.optedOut():
		return verdict{Skip, ReasonDisabled, ""}
	case !s.consented():
		return verdict{Skip, ReasonNoConsent, ""}
	}
	return verdict{}
}

func missingName(n *event.Node) string {
	switch {
	case n.Absent():
		return "missing"
	case n.Kind == event.Text:
		return "empty"
	}
	return "not text"
}

// frame finds the objects of the event and notes what is odd about its form.
func (s *subject) frame() {
	root := &s.t.Root
	if s.t.BadUTF8 {
		s.notes.add(noteBadUTF8, "", "the message holds bytes that are not UTF-8; they were replaced")
	}
	if s.ev.NaN {
		s.notes.add(noteNaN, "", "a number was NaN or Infinity; it counts as null")
	}
	if s.ev.Repeated {
		s.notes.add(noteDuplicateName, "", "a name appeared more than once in one object; the last one counts")
	}
	for _, name := range s.t.Duplicates {
		s.notes.add(noteDuplicateName, event.FieldName(name), "the name appears twice in one object; the last one counts")
	}
	s.props = s.objectAt(root, "properties", "properties")
	s.context = s.objectAt(root, "context", "context")
	s.options = s.objectAt(root, "integrations", "integrations")
	traits := s.objectAt(s.context, "traits", "context.traits")
	oneAddress(traits)
	oneAddress(root.Get("traits"))
	s.objectAt(traits, "address", "context.traits.address")
}

// oneAddress makes an address that came as JSON text, or in a list of one, what it is.
func oneAddress(traits *event.Node) {
	address := traits.Object().Get("address")
	if address == nil || address.Kind == event.Object {
		return
	}
	one := address.ParseJSONText()
	if items, ok := one.Items(); ok && len(items) == 1 {
		one = &items[0]
	}
	if one.Kind == event.Object {
		name := address.Name
		*address = *one
		address.Name = name
	}
}

// objectAt returns a member that is an object; anything else but null counts as
// absent, with a note.
func (s *subject) objectAt(parent *event.Node, name, at string) *event.Node {
	n := parent.Get(name)
	if n.Absent() {
		return nil
	}
	if n.Kind != event.Object {
		if items, ok := n.Items(); ok && len(items) > 1 {
			s.notes.add(noteNotObject, at, "a list of several, not an object: counts as absent; list "+at+"[0].… under match_keys to take the first")
		} else if !n.Blank() {
			s.notes.add(noteNotObject, at, "not an object: counts as absent")
		}
		return nil
	}
	return n
}

// prepare finds what all conversions of the event to event sets with these
// defaults share; what was found for others goes. The marks it leaves on nodes
// are what custom_data leaves out.
func (s *subject) prepare(d rules.Defaults, of *rules.Custom) {
	s.defaults = d
	if !s.prepared {
		s.prepared, s.framed = true, len(s.notes)
	}
	s.notes = s.notes[:s.framed]
	if s.x != nil {
		s.x.fields = nil
	}
	s.sale = sale{}
	s.exprError, s.fixed, s.asked = "", nil, nil
	clear(s.identifiers[:])
	s.findTime()
	s.markSources()
	s.deriveKeys()
	s.findPeople()
	s.beginRules(of)
	s.findPersonal()
	s.settleClear()
	s.findCurrency()
	s.findGoods()
	s.findProcessing()
	s.findEventID()
	s.findStore()
	s.findIdentifiers()
	s.keyError = s.exprError
	s.endRules()
}

// markSources marks what custom_data must not or may hold because of the
// mapping.
func (s *subject) markSources() {
	s.sources = s.sources[:0]
	for k := range s.m.rules.Keys {
		s.sourcesOf[k] = len(s.sources)
		for i := range s.m.rules.Keys[k] {
			src := &s.m.rules.Keys[k][i]
			if !src.Plain() {
				s.markPath(&src.Path, event.MarkSource)
				s.sources = append(s.sources, nil)
				continue
			}
			n := src.Path.One(&s.t.Root)
			if n != nil {
				n.Mark |= event.MarkSource
			}
			s.sources = append(s.sources, n)
		}
	}
	for i := range s.m.rules.Staff {
		if src := &s.m.rules.Staff[i]; src.Constant == nil && src.Expr == nil {
			s.markPath(&src.Path, event.MarkSource)
		}
	}
	for id := range s.m.rules.Identifiers {
		for i := range s.m.rules.Identifiers[id] {
			s.markPath(&s.m.rules.Identifiers[id][i].Path, event.MarkSource)
		}
	}
}

func (s *subject) markPath(p *event.Path, with event.Mark) {
	if !p.Many {
		if n := p.One(&s.t.Root); n != nil {
			n.Mark |= with
		}
		return
	}
	for _, n := range p.All(&s.t.Root, nil) {
		n.Mark |= with
	}
}

// optedOut says whether integrations switch this destination off: those of the
// event, or those in its context, where older libraries put them.
func (s *subject) optedOut() bool {
	return event.SwitchedOff(s.options) || event.SwitchedOff(s.context.Get("integrations").Object())
}

// consented says whether the consent that the mapping asks for is there.
func (s *subject) consented() bool {
	for _, category := range s.m.rules.Consent {
		if n := s.context.Get("consent").Get("categoryPreferences").Get(category); n == nil || n.Kind != event.True {
			return false
		}
	}
	return true
}
