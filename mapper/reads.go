package mapper

import (
	"iter"
	"slices"
	"time"

	"relay/mapper/event"
	"relay/mapper/rules"
)

// CustomerFields returns the fields of an event in which the mapping looks for the customer,
// each once, as the mapping writes them. An expression is "expr".
func (m *Mapping) CustomerFields() []string {
	var all []string
	for src := range m.customerSources() {
		if name := src.Label(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// HasCustomerField reports whether an event has one of CustomerFields, blank or not. If it has
// none, the customer is not where the mapping looks.
func (m *Mapping) HasCustomerField(body []byte) bool {
	s, err := m.newSubject(Event{Body: body}, time.Time{}, settings{}, nil)
	defer s.done()
	if err != nil {
		return false
	}
	s.findObjects()
	fillBlank(&s.t.Root)
	for src := range m.customerSources() {
		if found, err := s.resolve(src, nil); err != nil || slices.ContainsFunc(found, func(n *event.Node) bool { return !n.Blank() }) {
			return true
		}
	}
	return false
}

// customerSources returns the sources of all match keys and identifiers that are in the event.
func (m *Mapping) customerSources() iter.Seq[*rules.Source] {
	return func(yield func(*rules.Source) bool) {
		for _, of := range [][][]rules.Source{m.rules.Keys[:], m.rules.Identifiers[:]} {
			for _, sources := range of {
				for i := range sources {
					if src := &sources[i]; src.Constant == nil && !src.Store && !yield(src) {
						return
					}
				}
			}
		}
	}
}

// ConsentFields returns the fields that must be true in every event (consent), as paths.
func (m *Mapping) ConsentFields() []string {
	var all []string
	for _, category := range m.rules.Consent {
		all = append(all, event.JoinPath("context.consent.categoryPreferences", category))
	}
	return all
}

// HasConsentField reports whether an event has one of ConsentFields, blank or not.
func (m *Mapping) HasConsentField(body []byte) bool {
	s, err := m.newSubject(Event{Body: body}, time.Time{}, settings{}, nil)
	defer s.done()
	if err != nil {
		return false
	}
	s.findObjects()
	given := s.context.Get("consent").Get("categoryPreferences")
	return slices.ContainsFunc(m.rules.Consent, func(category string) bool { return given.Get(category) != nil })
}

// fillBlank gives each blank value of a tree a text, so that sources find it.
func fillBlank(n *event.Node) {
	if len(n.Kids) == 0 && n.Blank() {
		n.Kind, n.Text = event.Text, "someone@example.com"
	}
	for i := range n.Kids {
		fillBlank(&n.Kids[i])
	}
}
