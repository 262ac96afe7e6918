// Package mapper turns track calls into conversions, as a mapping file prescribes.
//
//	mapping.yaml ── Parse (package rules) ──► Mapping
//	                             │
//	event, time of receipt ── Map / MapLane ──► Outcomes: send, skip or hold
//
// Map returns one Outcome for each list and event set that the event goes to, or a single one
// if the whole event is skipped or held. An Outcome with the kind Send contains the bytes of one
// element of `data`. Every Outcome lists its notes, match keys and people, so that no caller
// has to parse those bytes.
//
// Guarantees:
//
//   - Mapping is pure: no clock, no network, no log. The same event, mapping and times
//     give the same bytes, so a retry sends the same conversion (docs/contract.md 1).
//     A change that makes an encoder write other bytes must increase Encoding: drain
//     stores it with requests of unknown outcome and reports when it cannot repeat them.
//   - A Mapping never changes after Parse and is safe for concurrent use.
//   - No event makes mapping fail. A value that cannot be used is left out with a note, or
//     the event is held with a reason.
//   - No personal data is sent unhashed: match keys are hashed, and custom_data passes
//     the filter of package outward (docs/contract.md 5.1).
//   - Explain runs the same code as Map and reports each step.
//
// An event passes through these files: subject.go (decode, traits), when.go (time), keys.go and
// package match (match keys), value.go, currency.go and package money (money), goods.go
// (products), custom.go (remaining properties), map.go (whether it is sent), encode.go (the
// two formats).
//
// Caution: Meta's names and words are rows of internal/meta and must not be repeated elsewhere.
// mapping.schema.json repeats the keys of the mapping for editors: schema_test.go generates the
// part that comes from the table and checks the rest against the parser.
package mapper
