package rules

import (
	"slices"
	"sync"
	"sync/atomic"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/expr"
	"relay/mapper/match"
)

// Rules are what a mapping file says: which events become which conversions, where they
// go and how their fields are found. They never change once parsed and may be used by
// many goroutines.
type Rules struct {
	Digest string

	api        meta.API
	Events     map[string][]Route // by event name: events, lead, complete_registration, each in the order of the file
	EventNames []string           // of the file, in order, each once
	Sets       []Set

	ValueField    []Source
	Revenue       []Source
	defaults      Defaults
	Currency      []Source
	Products      Goods
	House         House
	Staff         []Source
	Times         event.Times
	Slashes       match.DateOrder // of birth dates, by time_format
	CorrectSkew   bool
	HoldUnmatched bool
	Consent       []string // categories that must all be true
	UploadTag     UploadTag
	OrderIDAt     Place
	Members       Members
	Store         [StoreCount][]Source
	ItemFields    []ItemField
	LimitedUse    *LimitedUse

	Keys        [match.Count][]Source
	AllOf       [match.Count]bool // every source of the key counts, not the first that has a value
	Identifiers [len(meta.Identifiers)][]Source

	custom Custom

	Lines map[string]int // line of a key of the file, for explanations

	near  sync.Map // near misses by name
	nears atomic.Int64
}

// Set is an event set that the mapping names.
type Set struct {
	ID            string
	Name          string // alias under event_sets, or ""
	API           meta.API
	TestEventCode string

	defaults Defaults // of this set alone; where empty, those of the mapping count
}

// Defaults are what an event that does not say it is taken to mean.
type Defaults struct {
	Country  string // lower-case alpha-2, or ""
	Currency string // ISO 4217, or ""

	CountryLine, CurrencyLine int // of the mapping
}

// DefaultsOf are the defaults for the conversions that go to a set.
func (r *Rules) DefaultsOf(set *Set) Defaults {
	d := r.defaults
	if set.defaults.Country != "" {
		d.Country, d.CountryLine = set.defaults.Country, set.defaults.CountryLine
	}
	if set.defaults.Currency != "" {
		d.Currency, d.CurrencyLine = set.defaults.Currency, set.defaults.CurrencyLine
	}
	return d
}

// Countries are the default countries of the mapping and its sets, each once.
func (r *Rules) Countries() []string {
	out := []string{r.defaults.Country}
	for i := range r.Sets {
		if c := r.Sets[i].defaults.Country; c != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Route is one way of one event: to one event set, through one list.
type Route struct {
	List  string
	Set   Set
	As    string
	Value []Source      // long form; nil: the default
	When  *expr.Program // nil: always
	Line  int

	Members   Members
	Stage     bool      // of a lead in a CRM: preset crm_lead
	UploadTag UploadTag // "": the mapping's
	Custom    *Custom   // the mapping's, and the event's own
}

// Place is where a conversion has order_id and item_number: which of the two Meta
// reads is contradicted among its own documents (docs/meta.md 2.7).
type Place string

// The places.
const (
	atBoth   Place = "both"
	AtEvent  Place = "event"
	AtCustom Place = "custom_data"
)

// Name is what the conversion is called in the format it is sent in.
func (r *Route) Name(event string, api meta.API) string {
	switch r.List {
	case ListLead:
		return "Lead"
	case ListRegistration:
		return "CompleteRegistration"
	}
	return conversionName(event, r.As, api)
}

// LimitedUse is the mapping's limited_data_use.
type LimitedUse struct{ Country, State int }

// Routes returns the ids of the event sets an event goes to today, each once,
// in the order of the mapping; nil when the mapping does not know the event.
func (r *Rules) Routes(event string) []string {
	var out []string
	for _, to := range r.Events[event] {
		if !slices.Contains(out, to.Set.ID) {
			out = append(out, to.Set.ID)
		}
	}
	return out
}

// NearMiss returns the mapped event that an unmapped name was probably meant to
// be, "" when there is none. Answers for the first names asked about are kept,
// so that a till which says one all day costs nothing.
func (r *Rules) NearMiss(event string) string {
	if near, ok := r.near.Load(event); ok {
		return near.(string)
	}
	near := nearMiss(event, r.EventNames)
	if len(event) <= maxNearName && r.nears.Add(1) <= maxNearNames {
		r.near.Store(event, near)
	}
	return near
}

// What NearMiss keeps.
const (
	maxNearNames = 1000
	maxNearName  = 200 // bytes
)
