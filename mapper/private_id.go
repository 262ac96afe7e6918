package mapper

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// OutwardID is an id as it leaves: one that holds an e-mail address, or a phone
// number written as one, as its keyed hash, HMAC-SHA-256 in hex under the secret
// of the installation; any other as it is. country (ISO alpha-2 or "") says how
// phone numbers are written. The same id under the same secret is the same, so
// that Meta can tell a repeat; without the secret nobody can make it of an address.
func OutwardID(secret []byte, id, country string) string {
	for text := range fold.Layers(id) {
		if personal.HoldsPlainEmail(text) || personal.HoldsPhone(text, country) {
			return KeyedID(secret, id)
		}
	}
	return id
}

// KeyedID is the keyed hash of an id that OutwardID makes.
func KeyedID(secret []byte, id string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("relay id\x00" + id)) // a hash takes anything
	return hex.EncodeToString(mac.Sum(nil))
}

const (
	whyHashedID    = "holds an e-mail address or a phone number; sent as its keyed hash"
	whyHashedOwnID = "holds the customer's name, phone number, street or date of birth; sent as its keyed hash"
	whyProductID   = "holds an e-mail address or a phone number; left out"
)

// outward is OutwardID for an id of the event at hand: one that holds the
// customer's own name, phone number, street or date of birth leaves as its keyed hash too. It is
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
	for text := range fold.Layers(id) {
		if personal.HoldsPlainEmail(text) || personal.HoldsPlainPhone(text, s.locale.Effective()) {
			return whyProductID
		}
	}
	if s.person.HoldsAddress(id) {
		return whyPerson
	}
	return ""
}

// whyClear says why a value that leaves as it is, in user_data or store_data, may not:
// "" is none. Every such field asks it.
func (s *subject) whyClear(value string) string {
	switch why := s.whyProduct(value); {
	case why != "":
		return why
	case personal.HoldsPhone(value, s.locale.Effective()):
		return whyPhone
	case personal.HoldsAccount(value):
		return whyAccount
	}
	return ""
}

// settleClear takes back the match keys that leave unhashed and hold what is somebody's:
// a till may write a phone number where the lead's id was expected. It needs findPersonal.
func (s *subject) settleClear() {
	for k := range match.Count {
		if match.Table[k].Hash != meta.Plain {
			continue
		}
		for i := range s.keys[k] {
			if why := s.whyClear(s.keys[k][i].Form); why != "" {
				s.takeBack(k, NotePersonal, strings.TrimSuffix(why, leftOut))
				break
			}
		}
	}
}

// leftOut is how the reasons end.
const leftOut = "; left out"
