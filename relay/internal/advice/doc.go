// Package advice writes the sentences that tell a person what happened at Meta and
// what to do about it: for an answer (For), for an answer of a hub (ForHub), for the
// state of an event set (ForState) and for the reason of a dead letter (ForReason).
//
// Log, status, page, doctor, alerts and the list of dead letters all use it, so that
// the same cause has the same words everywhere. No sentence contains text from
// outside relay, except those of Describe, which quote Meta's message after package
// graph has cleaned it.
package advice
