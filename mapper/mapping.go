package mapper

import (
	"slices"
	"sync"
	"time"

	"relay/internal/strictyaml"
	"relay/mapper/outward"
	"relay/mapper/rules"
)

// Mapping is a mapping file that was read. It never changes and may be used by many
// goroutines.
type Mapping struct {
	rules    *rules.Rules
	secret   []byte       // of fingerprints; nil: none are made
	subjects sync.Pool    // of *subject: room to map events in
	names    outward.Memo // what names of properties say
}

// Parse reads a mapping file (docs/contract.md 5). file is its name in messages.
// The warnings are what is legal but suspicious; the error, if any, is
// strictyaml.Problems with every mistake of the file.
func Parse(file string, src []byte, opts ...ParseOption) (*Mapping, []strictyaml.Problem, error) {
	r, warnings, err := rules.Parse(file, src)
	if err != nil {
		return nil, warnings, err
	}
	m := &Mapping{rules: r}
	for _, o := range opts {
		o(m)
	}
	return m, warnings, nil
}

// ParseOption changes what a parsed mapping does with events.
type ParseOption func(*Mapping)

// WithSecret makes the mapping give Outcome.People, as fingerprints under a
// secret of the installation. Without one there are none: nobody can make them
// from a list of addresses who has not read the secret. nil changes nothing.
func WithSecret(secret []byte) ParseOption {
	return func(m *Mapping) { m.secret = slices.Clone(secret) }
}

// Digest is a short SHA-256 of the mapping file, 12 hex digits: equal files,
// equal digests.
func (m *Mapping) Digest() string { return m.rules.Digest }

// Routes returns the ids of the event sets an event goes to today, each once,
// in the order of the mapping; nil when the mapping does not know the event.
func (m *Mapping) Routes(event string) []string { return m.rules.Routes(event) }

// NearMiss returns the mapped event that an unmapped name was probably meant to
// be, "" when there is none.
func (m *Mapping) NearMiss(event string) string { return m.rules.NearMiss(event) }

// Sets returns the event sets that events go to or event_sets names, in the
// order of the file.
func (m *Mapping) Sets() []rules.Set { return slices.Clone(m.rules.Sets) }

// Events returns the names of the mapped events in the order of the file.
func (m *Mapping) Events() []string { return slices.Clone(m.rules.EventNames) }

// Countries are the default countries of the mapping and its sets, each once, as ISO
// alpha-2 codes in lower case; "" stands for none.
func (m *Mapping) Countries() []string { return m.rules.Countries() }

// NeverCustomer says whether a name of a person, an id, e-mail address or phone
// number, is one that the mapping's never_customers keeps for the shop itself.
func (m *Mapping) NeverCustomer(name string) bool {
	return m.rules.House.Has(name, m.rules.Countries())
}

// ReadTime is event.ReadTime by the timezone and the time_format of the
// mapping, for an event that was received then: a moment too far ahead of it
// cannot be read.
func (m *Mapping) ReadTime(value []byte, received time.Time) (time.Time, bool) {
	return m.rules.Times.Value(value, received)
}
