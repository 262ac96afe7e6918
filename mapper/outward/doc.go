// Package outward decides which values of an event may be sent to Meta unhashed.
//
// A Filter collects what one event says about its customer: match keys, ids, traits, and
// properties with personal names. It then gives for each text, number and id the reason why it
// must not be sent, or "". Package personal recognises personal data in general; this package
// adds the data of the event at hand.
//
// Invariant: every value that a conversion sends unhashed was checked here. A reason never
// contains the value.
//
// Caution: a Filter handles one event at a time. Begin marks the properties that custom_data
// leaves out; other rules for custom_data require Begin again.
package outward
