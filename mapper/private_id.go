package mapper

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

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

const whyHashedID = "holds an e-mail address or a phone number; sent as its keyed hash"

// outwardID is OutwardID for a field of the conversion, with its note.
func (s *subject) outwardID(id, field, at string, line int, raw *node, notes *noteList) string {
	out := OutwardID(s.m.secret, id, s.locale.effective())
	if out != id {
		notes.add(noteHashedID, at, whyHashedID)
	}
	if s.x != nil {
		s.x.field(field, at, line, raw, nil, quote(out))
		s.x.fields[len(s.x.fields)-1].personalRaw = out != id
	}
	return out
}

// findEventID settles event_id.
func (s *subject) findEventID() {
	if s.messageID == "" {
		return
	}
	s.eventID = OutwardID(s.m.secret, s.messageID, s.locale.effective())
	if s.eventID != s.messageID {
		s.notes.add(noteHashedID, "messageId", whyHashedID)
	}
}

// personalProduct says whether the id of a product holds what is somebody's. A
// catalogue's numbers may be grouped like a phone number: a + says it.
func (s *subject) personalProduct(id string) bool {
	return personal.HoldsEmail(id) || strings.Contains(id, "+") && personal.HoldsPhone(id, "")
}
