package outward

import (
	"relay/mapper/fold"
	"relay/mapper/people"
	"relay/mapper/personal"
)

// ID returns an id as it is sent. An id that contains an e-mail address, or a phone number
// written as one, is replaced by its keyed hash: HMAC-SHA-256 in hex under the secret of the
// installation. country (ISO alpha-2 or "") determines how phone numbers are written. The
// result depends only on its arguments, so that Meta recognises a repeated id. It cannot be
// computed from an address without the secret.
func ID(secret []byte, id, country string) string {
	for text := range fold.Layers(id) {
		if personal.HoldsEmailInLayer(text) || personal.HoldsPhone(text, country) {
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

// HashPersonalID is ID for an id of the current event. It also hashes an id with the customer's
// name, phone number, street or date of birth. why is a note on what the id contains, or "" if
// the id is sent unchanged.
func (f *Filter) HashPersonalID(id string) (out, why string) {
	if out = ID(f.secret, id, f.locale.Effective()); out != id {
		return out, whyHashedID
	}
	if f.person.HoldsAddress(id) {
		return people.KeyedID(f.secret, id), whyHashedOwnID
	}
	return id, ""
}

// CheckProductID returns the reason why a product id must not be sent, or "".
func (f *Filter) CheckProductID(id string) string {
	for text := range fold.Layers(id) {
		if personal.HoldsEmailInLayer(text) || personal.HoldsMarkedPhone(text, f.locale.Effective()) {
			return whyProductID
		}
	}
	if f.person.HoldsAddress(id) {
		return whyPerson
	}
	return ""
}

// CheckUnhashed returns the reason why a value of user_data or store_data must not be sent
// unhashed, or "". Every such field must be checked with it.
func (f *Filter) CheckUnhashed(value string) string {
	switch why := f.CheckProductID(value); {
	case why != "":
		return why
	case personal.HoldsPhone(value, f.locale.Effective()):
		return whyPhone
	case personal.HoldsAccount(value):
		return whyAccount
	}
	return ""
}
