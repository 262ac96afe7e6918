// Package people identifies a person by the names that events use: an e-mail address, a phone
// number, the shop's customer id, a Meta lead id.
//
//	name, as written ── KeysOf ──► Keys ── Fingerprint ──► HMAC under the secret
//
// The package is pure. Guarantee: all spellings that give Meta the same hash give the same Key.
// A search for a person (relay forget, relay receipts) therefore finds every event about them.
// A fingerprint reveals nothing without the secret of the installation.
package people
