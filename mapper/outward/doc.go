// Package outward decides which values of an event may be sent to Meta unhashed.
//
//	event, match keys ── Begin ──► Filter ── Check… ──► "", or why a value must not be sent
//
// A Filter first collects the data of one event's customer: match keys, ids, traits, and
// properties with personal names. Its methods then return, for each text, number and id, why it
// must not be sent, or "". Package personal recognises personal data in general; this package
// adds the data of the current event.
//
// Invariant: every value that a conversion sends unhashed was checked here. A reason never
// contains the value.
//
// Caution: a Filter handles one event at a time. Begin marks the properties that custom_data
// leaves out. When the rules for custom_data change, call Begin again.
package outward
