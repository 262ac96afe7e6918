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

// Rules is a parsed mapping file: which events become which conversions, where they go, and
// where the values of their fields come from. Rules never change after Parse and are safe for
// concurrent use.
type Rules struct {
	Digest string

	api        meta.API
	Events     map[string][]Route // by event name, in the order of the lists and of the file
	EventNames []string           // in the order of the file, each once
	Sets       []Set

	ValueField     []Source
	Revenue        []Source
	defaults       Defaults
	Currency       []Source
	Products       Goods
	NeverCustomers NeverCustomers
	Staff          []Source
	Times          event.Times
	Slashes        match.DateOrder // order in birth dates, from time_format
	CorrectSkew    bool
	HoldUnmatched  bool
	Consent        []string // consent categories that must all be true
	UploadTag      UploadTag
	OrderIDAt      Place
	Members        Members
	Store          [StoreCount][]Source
	ItemFields     []ItemField
	LimitedUse     *LimitedUse

	Keys        [match.Count][]Source
	AllOf       [match.Count]bool // the key has the values of all sources, not of the first one with a value
	Identifiers [len(meta.Identifiers)][]Source

	custom Custom

	Lines map[string]int // line of each key of the file, for explanations

	nearMisses    sync.Map // near misses by name
	nearMissCount atomic.Int64
}

// Set is an event set of the mapping.
type Set struct {
	ID            string
	Name          string // alias under event_sets, or ""
	API           meta.API
	TestEventCode string

	defaults Defaults // of this set; those of the mapping replace empty ones
}

// Defaults are assumed for events that have no country or currency.
type Defaults struct {
	Country  string // lower-case alpha-2, or ""
	Currency string // ISO 4217, or ""

	CountryLine, CurrencyLine int // in the mapping
}

// DefaultsOf returns the defaults for conversions sent to a set.
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

// Countries returns the default countries of the mapping and its sets, each once.
func (r *Rules) Countries() []string {
	out := []string{r.defaults.Country}
	for i := range r.Sets {
		if c := r.Sets[i].defaults.Country; c != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Route sends an event to one event set through one list.
type Route struct {
	List  string
	Set   Set
	As    string
	Value []Source      // from the long form; nil: the default
	When  *expr.Program // nil: always
	Line  int

	Members   Members
	Stage     bool      // a lead stage in a CRM: preset crm_lead
	UploadTag UploadTag // "": the mapping's
	Custom    *Custom   // the rules of the mapping merged with the event's own
}

// Place is where a conversion has order_id and item_number. Meta's documents disagree about it
// (docs/meta.md 2.7).
type Place string

// The places.
const (
	atBoth   Place = "both"
	AtEvent  Place = "event"
	AtCustom Place = "custom_data"
)

// Name returns the event name in the format that is sent.
func (r *Route) Name(event string, api meta.API) string {
	switch r.List {
	case ListLead:
		return "Lead"
	case ListRegistration:
		return "CompleteRegistration"
	}
	return conversionName(event, r.As, api)
}

// LimitedUse holds limited_data_use.
type LimitedUse struct{ Country, State int }

// Routes returns the ids of the event sets that an event is sent to, each once, in the order of
// the mapping; nil if the mapping does not have the event.
func (r *Rules) Routes(event string) []string {
	var out []string
	for _, to := range r.Events[event] {
		if !slices.Contains(out, to.Set.ID) {
			out = append(out, to.Set.ID)
		}
	}
	return out
}

// NearMiss returns the mapped event that was probably meant by an unmapped name, or "". It
// caches the answers for the first names, so that a till that repeats a name costs little.
func (r *Rules) NearMiss(event string) string {
	if near, ok := r.nearMisses.Load(event); ok {
		return near.(string)
	}
	near := nearMiss(event, r.EventNames)
	if len(event) <= maxNearName && r.nearMissCount.Add(1) <= maxNearNames {
		r.nearMisses.Store(event, near)
	}
	return near
}

// Limits of the cache of NearMiss.
const (
	maxNearNames = 1000
	maxNearName  = 200 // bytes
)
