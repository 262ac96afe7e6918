// Package advice has every sentence for a person about what happened at Meta
// and what must be done: about an answer (For), about the state of an event set
// (ForState), about the reason of a dead letter (ForReason).
//
// Log, status, page, doctor, alerts and the list of dead letters call it, so
// that they say the same about the same cause. The sentences hold nothing that
// came from outside, but for Told, which adds Meta's own words, cleaned by
// package graph.
package advice
