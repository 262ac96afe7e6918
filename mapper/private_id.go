package mapper

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"relay/mapper/event"
	"relay/mapper/personal"
)

// OutwardID is an id as it leaves: one that holds an e-mail address, or a phone
// number written as one, as its keyed hash, HMAC-SHA-256 in hex under the secret
// of the installation; any other as it is. country (ISO alpha-2 or "") says how
// phone numbers are written. The same id under the same secret is the same, so
// that Meta can tell a repeat; without the secret nobody can make it of an address.
func OutwardID(secret []byte, id, country string) string {
	if !personal.HoldsEmail(id) && !personal.HoldsPhone(id, country) {
		return id
	}
	return KeyedID(secret, id)
}

// KeyedID is the keyed hash of an id that OutwardID makes.
func KeyedID(secret []byte, id string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("relay id\x00" + id)) // a hash takes anything
	return hex.EncodeToString(mac.Sum(nil))
}

const (
	whyHashedID    = "holds an e-mail address or a phone number; sent as its keyed hash"
	whyHashedOwnID = "holds the customer's name, phone number or street; sent as its keyed hash"
	whyProductID   = "holds an e-mail address or a phone number; left out"
)

// outward is OutwardID for an id of the event at hand: one that holds the
// customer's own name, phone number or street leaves as its keyed hash too. It is
// noted under at, unless notes is nil.
func (s *subject) outward(id, at string, notes *noteList) string {
	out, why := OutwardID(s.m.secret, id, s.locale.Effective()), whyHashedID
	if out == id && s.person.HoldsAddress(id) {
		out, why = KeyedID(s.m.secret, id), whyHashedOwnID
	}
	if out != id && notes != nil {
		notes.add(noteHashedID, at, why)
	}
	return out
}

// outwardID is outward for a field of the conversion.
func (s *subject) outwardID(id, field, at string, line int, raw *event.Node, notes *noteList) string {
	out := s.outward(id, at, notes)
	if s.x != nil {
		s.x.field(field, at, line, raw, nil, event.Quote(out))
		s.x.fields[len(s.x.fields)-1].personalRaw = out != id
	}
	return out
}

// findEventID settles event_id. Invariant: those of two stores are never the same.
func (s *subject) findEventID() {
	if s.messageID != "" {
		id := s.messageID
		if s.ev.Store != "" {
			id = s.ev.Store + ":" + id // no store has a colon in its name
		}
		s.eventID = s.outward(id, "messageId", &s.notes)
	}
}

// whyProduct says why the id of a product may not leave: "" is none.
func (s *subject) whyProduct(id string) string {
	switch {
	case personal.HoldsEmail(id), personal.HoldsPlainPhone(id, s.locale.Effective()):
		return whyProductID
	case s.person.HoldsAddress(id):
		return whyPerson
	}
	return ""
}

// whyStore is whyProduct for the code of a store.
func (s *subject) whyStore(code string) string {
	if why := s.whyProduct(code); why != "" || !personal.HoldsPhone(code, s.locale.Effective()) {
		return why
	}
	return whyPhone
}
