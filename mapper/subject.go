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

// subject is one event while it is mapped.
type subject struct {
	m   *Mapping
	now time.Time
	set settings
	x   *tracer // collects the explanation; nil: none is wanted

	call
	notes     noteList
	formNotes int // the first notes, which findObjects added

	// Computed by prepare, once for all event sets with the same defaults.
	prepared bool           // prepare has run
	defaults rules.Defaults // the defaults for which prepare ran
	when     time.Time      // event_time
	undated  bool           // when is not the time of the event
	customer
	sale
	custom

	reused
}

// call holds the event as received.
type call struct {
	ev        Event
	t         *event.Tree
	name      string // name of the event
	messageID string
	props     *event.Node // nil if absent or not an object
	context   *event.Node
	options   *event.Node // integrations

	env expr.Env // the event for expressions; nil: not needed, or too large
}

// customer holds the data of the event's customer.
type customer struct {
	keys        match.ValuesByKey
	firstKeys   [match.Count]match.ValueSum // space for the first value of each key
	sourcesOf   [match.Count]int            // index in sources of the first source of each key
	results     [match.Count]KeyResult      // without Key and Values, which keyResults adds
	identifiers [identifierCount]identifier
	people      []string
	locale      match.Locale

	hasCustomer  bool // the event has a value that could identify a customer
	countryGiven bool
	house        houseFound
}

// sale holds money, products, store and processing options of the event.
type sale struct {
	eventID    string // messageID as it is sent
	currency   currencyFound
	goods      goods
	processing *processing
	store      [rules.StoreCount]string // members of store_data, as JSON
	storeName  string
}

// custom holds the fields that the rules of a route set in custom_data, and errors of
// expressions.
type custom struct {
	rules       *rules.Custom
	setValues   []setValue
	searchQuery *event.Node // the property used for search_string

	exprError string // why an expression of a match key or custom field failed, or ""
	keyError  string // the part of exprError that applies to every conversion
	ruleError string // the part that applies to all conversions with the same custom_data rules
}

// reused holds buffers and caches that are kept for the next event. The only data of past events
// in it are the cached places.
type reused struct {
	filter         outward.Filter
	places         match.PlaceCache
	lastKeyResults []KeyResult           // the last result of keyResults; contains paths and reasons, no values
	fingerprinter  *people.Fingerprinter // nil until used

	d          *event.Decoder
	routes     []*rules.Route
	scratch    []*event.Node
	sources    []*event.Node // values of the plain sources of the match keys
	written    []byte        // the current conversion
	customData []byte        // its custom_data
	trail      []crumb
	ids        []string
	contents   []content
}

// newSubject decodes an event. The caller must call done, also on error.
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

// done clears the memory that mapping an event used and returns it to the pool. Nothing that
// Map returns refers to it.
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

// keptBytes is the maximum size of text buffers that are kept for reuse, keptItems that of the
// other buffers.
const (
	keptBytes = 64 << 10
	keptItems = 1024
)

// verdict is a decision to skip or hold. The zero value is none.
type verdict struct {
	kind            Kind
	reason, message string
}

// checkEvent returns the verdict on the whole event, before its routes are tried. err is the
// error of decoding it.
func (s *subject) checkEvent(err error) verdict {
	if err != nil {
		if s.ev.TooLarge && s.t == nil { // it could be truncated
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
	s.findObjects()
	switch {
	case s.optedOut():
		return verdict{Skip, ReasonDisabled, ""}
	case !s.hasConsent():
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

// findObjects finds the objects of the event, and adds notes on malformed input.
func (s *subject) findObjects() {
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
	unwrapAddress(traits)
	unwrapAddress(root.Get("traits"))
	s.objectAt(traits, "address", "context.traits.address")
}

// unwrapAddress replaces an address that is JSON text, or a list of one item, with the object in
// it.
func unwrapAddress(traits *event.Node) {
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

// objectAt returns a member that is an object. Anything else is treated as absent, with a note
// unless it is blank.
func (s *subject) objectAt(parent *event.Node, name, at string) *event.Node {
	n := parent.Get(name)
	if n.Absent() {
		return nil
	}
	if n.Kind != event.Object {
		if items, ok := n.Items(); ok && len(items) > 1 {
			s.notes.add(noteNotObject, at, "a list of several items, not an object: treated as absent; to use the first item, list "+at+"[0].… under match_keys")
		} else if !n.Blank() {
			s.notes.add(noteNotObject, at, "not an object: treated as absent")
		}
		return nil
	}
	return n
}

// prepare computes the values that all conversions to event sets with these defaults share. It
// discards those computed for other defaults, and marks the nodes that custom_data leaves out.
func (s *subject) prepare(d rules.Defaults, of *rules.Custom) {
	s.defaults = d
	if !s.prepared {
		s.prepared, s.formNotes = true, len(s.notes)
	}
	s.notes = s.notes[:s.formNotes]
	if s.x != nil {
		s.x.fields = nil
	}
	s.sale = sale{}
	s.exprError, s.setValues, s.searchQuery = "", nil, nil
	clear(s.identifiers[:])
	s.findTime()
	s.markSources()
	s.deriveKeys()
	s.findPeople()
	s.setRules(of)
	s.beginFilter()
	s.rejectPersonalKeys()
	s.findCurrency()
	s.findGoods()
	s.findProcessing()
	s.findEventID()
	s.findStore()
	s.findIdentifiers()
	s.keyError = s.exprError
	s.evaluateRules()
}

// markSources marks the nodes that are sources of match keys, staff and identifiers, which
// custom_data must not contain.
func (s *subject) markSources() {
	s.sources = s.sources[:0]
	for k := range s.m.rules.Keys {
		s.sourcesOf[k] = len(s.sources)
		for i := range s.m.rules.Keys[k] {
			src := &s.m.rules.Keys[k][i]
			if !src.IsSinglePath() {
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

// optedOut reports whether integrations switch this destination off: those of the event, or
// those in its context, where older libraries put them.
func (s *subject) optedOut() bool {
	return event.SwitchedOff(s.options) || event.SwitchedOff(s.context.Get("integrations").Object())
}

// hasConsent reports whether the event has the consent that the mapping requires.
func (s *subject) hasConsent() bool {
	for _, category := range s.m.rules.Consent {
		if n := s.context.Get("consent").Get("categoryPreferences").Get(category); n == nil || n.Kind != event.True {
			return false
		}
	}
	return true
}
