// Package mapper makes conversions of events: a mapping file and an event in, what is
// sent to each event set out. It is pure: no clock, no network, no log.
//
//	mapping.yaml ──Parse──► Mapping ──Map, MapLane──► Outcome: send, skip or hold
//	                            ▲                        conversion, keys, people, notes
//	event + time of receipt ────┘
//
// What it guarantees:
//
//   - The same event, time of receipt and mapping make the same bytes, in any process
//     that has the same Encoding and secret.
//   - Nothing of a customer leaves unhashed: match keys are hashed, what is personal by
//     its name or by what it holds is left out of custom_data, and ids that are
//     addresses or phone numbers become keyed hashes (package personal).
//   - A property, a trait or a customer's field that cannot be used is left out with a
//     note and never ends an event; what ends one has a reason of its own.
//   - The notes, and what `relay map --explain` says, come from the code that sends.
//
// What can hurt you: a Mapping is safe for use by many goroutines, an Event's Body must
// not change while it is mapped.
package mapper
