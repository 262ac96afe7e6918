package mapper

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"relay/mapper/event"
	"relay/mapper/expr"
	"relay/mapper/match"
)

// Mapping says which events become which conversions, where they go and how
// their fields are found. It never changes once parsed and may be used by many
// goroutines.
type Mapping struct {
	digest string

	api        API
	events     map[string][]route // by event name: events, lead, complete_registration, each in the order of the file
	eventNames []string           // of the file, in order, each once
	sets       []Set

	valueField    []source
	revenue       []source
	defaults      defaults
	currency      []source
	products      goodsRules
	house         houseRules
	staff         []source
	times         event.Times
	slashes       match.Order // of birth dates, by time_format
	correctSkew   bool
	holdUnmatched bool
	consent       []string // categories that must all be true
	uploadTag     uploadTag
	orderIDAt     place
	members       members
	store         [storeCount][]source
	itemFields    []itemField
	limitedUse    *limitedUse

	keys        [match.Count][]source
	allOf       [match.Count]bool // every source of the key counts, not the first that has a value
	identifiers [identifierCount][]source

	secret []byte // of fingerprints; nil: none are made
	custom customRules

	lines map[string]int // line of a key of the file, for explanations

	subjects sync.Pool // of *subject: room to map events in
	names    nameMemo  // what names of properties say
	near     sync.Map  // near misses by name
	nears    atomic.Int64
}

// Set is an event set that the mapping names.
type Set struct {
	ID            string
	Name          string // alias under event_sets, or ""
	API           API
	TestEventCode string

	defaults defaults // of this set alone; where empty, those of the mapping count
}

// defaults are what an event that does not say it is taken to mean.
type defaults struct {
	country  string // lower-case alpha-2, or ""
	currency string // ISO 4217, or ""

	countryLine, currencyLine int // of the mapping
}

// defaultsOf are the defaults for the conversions that go to a set.
func (m *Mapping) defaultsOf(set *Set) defaults {
	d := m.defaults
	if set.defaults.country != "" {
		d.country, d.countryLine = set.defaults.country, set.defaults.countryLine
	}
	if set.defaults.currency != "" {
		d.currency, d.currencyLine = set.defaults.currency, set.defaults.currencyLine
	}
	return d
}

// countries are the default countries of the mapping and its sets, each once.
func (m *Mapping) countries() []string {
	out := []string{m.defaults.country}
	for i := range m.sets {
		if c := m.sets[i].defaults.country; c != "" && !containsText(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// route is one way of one event: to one event set, through one list.
type route struct {
	list  string
	set   Set
	as    string
	value []source      // long form; nil: the default
	when  *expr.Program // nil: always
	line  int

	members   members
	stage     bool         // of a lead in a CRM: preset crm_lead
	uploadTag uploadTag    // "": the mapping's
	custom    *customRules // the mapping's, and the event's own
}

// place is where a conversion has order_id and item_number: which of the two Meta
// reads is contradicted among its own documents (docs/meta.md 2.7).
type place string

// The places.
const (
	atBoth   place = "both"
	atEvent  place = "event"
	atCustom place = "custom_data"
)

// name is what the conversion is called in the format it is sent in.
func (r *route) name(event string, api API) string {
	switch r.list {
	case ListLead:
		return "Lead"
	case ListRegistration:
		return "CompleteRegistration"
	}
	return conversionName(event, r.as, api)
}

// limitedUse is the mapping's limited_data_use.
type limitedUse struct{ country, state int }

// Digest is a short SHA-256 of the mapping file, 12 hex digits: equal files,
// equal digests.
func (m *Mapping) Digest() string { return m.digest }

// Routes returns the ids of the event sets an event goes to today, each once,
// in the order of the mapping; nil when the mapping does not know the event.
func (m *Mapping) Routes(event string) []string {
	var out []string
	for _, r := range m.events[event] {
		if !containsText(out, r.set.ID) {
			out = append(out, r.set.ID)
		}
	}
	return out
}

// NearMiss returns the mapped event that an unmapped name was probably meant to
// be, "" when there is none. Answers for the first names asked about are kept,
// so that a till which says one all day costs nothing.
func (m *Mapping) NearMiss(event string) string {
	if near, ok := m.near.Load(event); ok {
		return near.(string)
	}
	near := nearMiss(event, m.eventNames)
	if len(event) <= maxNearName && m.nears.Add(1) <= maxNearNames {
		m.near.Store(event, near)
	}
	return near
}

// What NearMiss keeps.
const (
	maxNearNames = 1000
	maxNearName  = 200 // bytes
)

// Sets returns the event sets that events go to or event_sets names, in the
// order of the file.
func (m *Mapping) Sets() []Set { return append([]Set(nil), m.sets...) }

// Events returns the names of the mapped events in the order of the file.
func (m *Mapping) Events() []string { return append([]string(nil), m.eventNames...) }

func containsText(list []string, s string) bool {
	return slices.Contains(list, s)
}

// ReadTime is event.ReadTime by the timezone and the time_format of the
// mapping, for an event that was received then: a moment too far ahead of it
// cannot be read.
func (m *Mapping) ReadTime(value []byte, received time.Time) (time.Time, bool) {
	return m.times.Value(value, received)
}
