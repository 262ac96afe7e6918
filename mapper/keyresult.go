package mapper

import (
	"slices"

	"relay/internal/meta"
	"relay/mapper/match"
)

// KeyResult is the result for one match key of an event in one conversion.
type KeyResult struct {
	Key    string // its name under match_keys
	State  KeyState
	Values int    // number of values sent
	Source string // of the first value sent, else of the first unusable one: a path, constant, expr or default_country
	Code   string // KeyUnusable: code of the note, or ReasonExpression
	Why    string // KeyUnusable: text of the note; never contains a value of the event
}

// KeyState says whether a match key is sent.
type KeyState uint8

// The states of a match key.
const (
	KeyMissing  KeyState = iota // no source has a value
	KeySent                     // at least one value is sent to Meta
	KeyUnusable                 // there are values, but none is sent
)

// KeyStates are the names of the states.
var KeyStates = [...]string{KeyMissing: "missing", KeySent: "sent", KeyUnusable: "unusable"}

// KeyNames returns the names of the match keys in the order of Outcome.Keys.
func KeyNames() []string {
	out := make([]string, match.Count)
	for k := range match.Table {
		out[k] = match.Table[k].Name
	}
	return out
}

// markUnusable records why a value of a key is not used. The first reason is kept, because its
// source has precedence in the mapping.
func (s *subject) markUnusable(k match.Key, at, code, why string) {
	if r := &s.results[k]; r.State == KeyMissing {
		*r = KeyResult{State: KeyUnusable, Source: at, Code: code, Why: why}
	}
}

// sentValues returns the values of a key that a conversion contains.
func (s *subject) sentValues(k match.Key, c *conversion) []match.ValueSum {
	values, row := s.keys[k], &match.Table[k]
	switch {
	case len(values) == 0:
		return values
	case row.Form == meta.LeadID && c.stage && !match.IsMetaLeadID(values[0].Form):
		return nil
	case c.api != meta.Offline:
		return values
	case len(row.Offline) == 0:
		return nil
	case len(row.Offline) > 1 && values[0].Hashed:
		return nil // a hash has no year, month and day
	}
	return values[:min(len(values), max(row.Most, 1))]
}

// keyResults returns the result for each match key in a conversion. Most events of a mapping
// have equal results and share the slice. Invariant: a slice that was returned is never
// modified.
func (s *subject) keyResults(c *conversion) []KeyResult {
	results := s.results
	for k := range match.Count {
		r := &results[k]
		r.Key = match.Table[k].Name
		r.Values = len(s.sentValues(k, c))
		if r.State == KeySent && r.Values == 0 {
			r.State = KeyUnusable
			r.Code, r.Why = whyNotSent(k, c)
		}
	}
	if !slices.Equal(s.lastKeyResults, results[:]) {
		s.lastKeyResults = slices.Clone(results[:])
	}
	return s.lastKeyResults
}
