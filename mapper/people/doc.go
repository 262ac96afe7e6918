// Package people knows a person by the names that people have in events: an e-mail
// address, a phone number, an id of the shop's, a lead id of Meta's.
//
//	name, as somebody writes it ── KeysOf ──► Keys ── Fingerprint ──► under the secret
//
// It is pure. What Meta would see as one hash is one Key, however it was written, so that
// who asks for a person (relay forget, receipts) finds every event about them. A
// fingerprint says nothing to who has not read the secret of the installation.
package people
