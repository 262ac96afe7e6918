package mapper

import (
	"slices"
	"sync"
	"time"

	"relay/internal/strictyaml"
	"relay/mapper/outward"
	"relay/mapper/rules"
)

// Mapping is a parsed mapping file. It never changes and is safe for concurrent use.
type Mapping struct {
	rules    *rules.Rules
	secret   []byte            // for fingerprints; nil: none are made
	subjects sync.Pool         // of *subject, reused between events
	names    outward.NameCache // cache of property names
}

// Parse parses a mapping file (docs/contract.md 5). file is its name in messages. Warnings are
// legal but suspicious entries. The error, if any, is a strictyaml.Problems with all mistakes
// of the file.
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

// ParseOption sets an option of a parsed mapping.
type ParseOption func(*Mapping)

// WithSecret makes the mapping fill Outcome.People with fingerprints keyed by the secret of the
// installation. They cannot be computed from a list of addresses without the secret. nil is
// the same as no option.
func WithSecret(secret []byte) ParseOption {
	return func(m *Mapping) { m.secret = slices.Clone(secret) }
}

// Digest returns the first 12 hex digits of the SHA-256 of the mapping file.
func (m *Mapping) Digest() string { return m.rules.Digest }

// Routes returns the ids of the event sets that an event is sent to, each once, in the order of
// the mapping; nil if the mapping does not have the event.
func (m *Mapping) Routes(event string) []string { return m.rules.Routes(event) }

// NearMiss returns the mapped event that was probably meant by an unmapped name, or "".
func (m *Mapping) NearMiss(event string) string { return m.rules.NearMiss(event) }

// Sets returns the event sets of the mapping in the order of the file.
func (m *Mapping) Sets() []rules.Set { return slices.Clone(m.rules.Sets) }

// Events returns the names of the mapped events in the order of the file.
func (m *Mapping) Events() []string { return slices.Clone(m.rules.EventNames) }

// Countries returns the default countries of the mapping and its sets, each once, as lower-case
// ISO alpha-2 codes; "" stands for none.
func (m *Mapping) Countries() []string { return m.rules.Countries() }

// NeverCustomer reports whether the name of a person (an id, e-mail address or phone number) is
// in the mapping's never_customers.
func (m *Mapping) NeverCustomer(name string) bool {
	return m.rules.NeverCustomers.Has(name, m.rules.Countries())
}

// ReadTime is event.ReadTime with timezone and time_format of the mapping. received is the time
// of receipt; a time too far after it counts as unreadable.
func (m *Mapping) ReadTime(value []byte, received time.Time) (time.Time, bool) {
	return m.rules.Times.Value(value, received)
}
