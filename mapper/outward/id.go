package outward

import (
	"relay/mapper/fold"
	"relay/mapper/people"
	"relay/mapper/personal"
)

// ID is an id as it leaves: one that holds an e-mail address, or a phone
// number written as one, as its keyed hash, HMAC-SHA-256 in hex under the secret
// of the installation; any other as it is. country (ISO alpha-2 or "") says how
// phone numbers are written. The same id under the same secret is the same, so
// that Meta can tell a repeat; without the secret nobody can make it of an address.
func ID(secret []byte, id, country string) string {
	for text := range fold.Layers(id) {
		if personal.HoldsPlainEmail(text) || personal.HoldsPhone(text, country) {
			return people.KeyedID(secret, id)
		}
	}
	return id
}

const (
	whyHashedID    = "holds an e-mail address or a phone number; sent as its keyed hash"
	whyHashedOwnID = "holds the customer's name, phone number, street or date of birth; sent as its keyed hash"
	whyProductID   = "holds an e-mail address or a phone number; left out"
)

// Keyed is ID for an id of the event at hand: one that holds the customer's own
// name, phone number, street or date of birth leaves as its keyed hash too. why is what it
// holds, "" when it leaves as it is.
func (f *Filter) Keyed(id string) (out, why string) {
	if out = ID(f.secret, id, f.locale.Effective()); out != id {
		return out, whyHashedID
	}
	if f.person.HoldsAddress(id) {
		return people.KeyedID(f.secret, id), whyHashedOwnID
	}
	return id, ""
}

// Product says why the id of a product may not leave: "" is none.
func (f *Filter) Product(id string) string {
	for text := range fold.Layers(id) {
		if personal.HoldsPlainEmail(text) || personal.HoldsPlainPhone(text, f.locale.Effective()) {
			return whyProductID
		}
	}
	if f.person.HoldsAddress(id) {
		return whyPerson
	}
	return ""
}

// Clear says why a value that leaves as it is, in user_data or store_data, may not:
// "" is none. Every such field asks it.
func (f *Filter) Clear(value string) string {
	switch why := f.Product(value); {
	case why != "":
		return why
	case personal.HoldsPhone(value, f.locale.Effective()):
		return whyPhone
	case personal.HoldsAccount(value):
		return whyAccount
	}
	return ""
}
