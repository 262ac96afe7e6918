// Package mapper turns track calls into conversions by a mapping file.
//
//	mapping.yaml ── Parse (package rules) ──► Mapping
//	                             │
//	event, time of receipt ── Map / MapLane ──► Outcomes: send, skip or hold
//
// Map gives one Outcome for each list and event set that the event goes to, or
// one for an event that is skipped or held as a whole. An Outcome that is sent
// has the bytes of one element of `data`; each has the notes, the match keys and
// the people that were found, so that nobody needs to scan those bytes again.
//
// What it guarantees:
//
//   - It is pure: no clock, no network, no log. The same event, mapping and times
//     give the same bytes, which is what makes a retry the same conversion
//     (docs/contract.md 1). Whoever changes what an encoder writes raises Encoding:
//     drain notes it with requests in doubt, and says when it cannot repeat them.
//   - A Mapping never changes once it is parsed, and may be used by many goroutines.
//   - No event makes it fail: what cannot be used is left out with a note, or the
//     event is held with a reason.
//   - Nothing personal leaves unhashed: match keys are hashed, custom_data passes
//     the filter of package outward (docs/contract.md 5.1).
//   - Explain runs the same code as Map and reports each step.
//
// An event's way through the files: subject.go (decode, traits), when.go (time), keys.go and
// package match (match keys), value.go, currency.go and package money (money), goods.go
// (products), custom.go (what is left), map.go (the verdict), encode.go (the two wire formats).
//
// What can hurt you: Meta's names and words are rows of internal/meta, and stand nowhere
// else. mapping.schema.json repeats keys of the mapping for editors; schema_test.go writes
// what of it is made from the table, and holds the rest against the parser.
package mapper
