// Package people identifies a person by the values that events contain: an e-mail address, a
// phone number, the shop's customer id, a Meta lead id. This package calls such a value, in any
// spelling, a name of the person.
//
//	name, as written ── KeysOf ──► Keys ── Fingerprint ──► HMAC under the secret
//
// The package is pure. Guarantee: all spellings that have the same hash at Meta have the same Key.
// A search for a person (relay forget, relay receipts) therefore finds every event about them.
// A fingerprint reveals nothing without the secret of the installation.
package people
