package people

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
)

// IdentifyingKeys are the match keys that identify one person each.
var IdentifyingKeys = [...]match.Key{match.Email, match.Phone, match.ExternalID, match.LeadID}

// FingerprintBytes is the number of HMAC bytes that a fingerprint keeps. 96 bits do not collide
// by chance, and more of them fit into the receipts than of 256 bits.
const FingerprintBytes = 12

// spellings returns the raw values that an event could have for a name under a match key.
func spellings(k match.Key, name string) []string {
	switch k {
	case match.Email:
		return append([]string{name}, fold.EmailSpellings(match.Normalise(match.Email, name, match.Locale{}, nil).Form)...)
	case match.Phone:
		// A bare number of ten digits is a phone number somewhere. Only a name with a plus
		// sign, or a hash, is treated as one.
		name = fold.Clean(name)
		if !match.IsHash(name) && (!strings.HasPrefix(name, "+") || strings.Contains(name, "@")) {
			return nil
		}
	case match.ExternalID:
		all := []string{name}
		if v := jsontext.Value(strings.TrimSpace(name)); v.IsValid() && v.Kind() == event.Number {
			if n, ok := event.Decimal(string(v)); ok && n != name {
				all = append(all, n) // a userId that is a number: 4242.0 is 4242
			}
		}
		if e := match.Normalise(match.Email, name, match.Locale{}, nil); e.Form != "" {
			if e.Form != name {
				all = append(all, e.Form) // a userId that is an e-mail address
			}
			all = append(all, fold.EmailSpellings(e.Form)...)
		}
		return all
	}
	return []string{name}
}

// Fingerprinter makes fingerprints under one secret. It is not safe for concurrent use.
type Fingerprinter struct {
	mac hash.Hash
	buf []byte
}

// NewFingerprinter returns a Fingerprinter for a secret.
func NewFingerprinter(secret []byte) *Fingerprinter {
	return &Fingerprinter{mac: hmac.New(sha256.New, secret)}
}

// Append appends the fingerprint of a match key's value. It is computed from the hash that Meta
// gets, so a value and its hash have the same fingerprint. The fingerprint depends on the match
// key: an id spelled like an e-mail address does not have that address's fingerprint.
func (f *Fingerprinter) Append(dst []byte, k match.Key, value string, sum match.Digest) []byte {
	f.buf = append(append(append(f.buf[:0], "relay person\x00"...), match.Table[k].Name...), 0)
	if k == match.LeadID {
		f.buf = append(f.buf, value...)
	} else {
		f.buf = append(f.buf, sum[:]...)
	}
	f.mac.Reset()
	_, _ = f.mac.Write(f.buf) // hash.Hash never fails
	f.buf = f.mac.Sum(f.buf[:0])
	return hex.AppendEncode(dst, f.buf[:FingerprintBytes])
}

// Key is a match key that identifies one person, in the form Meta would store. Two spellings of
// an address, and its hash, give the same Key. Keys are comparable.
type Key struct {
	Key   string // email, phone, external_id or lead_id
	Value string // hex SHA-256 of the normal form, in lower case; for a lead id its digits
}

// KeysOf returns every match key that a mapping could make from one name of a person: an id
// (userId, lead id), an e-mail address, a phone number, or the SHA-256 of one of these. An
// ambiguous name, such as 4155550142, gives a key for each possible meaning. An address with a
// non-ASCII domain gives a key for each spelling. countries are the default countries of the
// mapping (ISO alpha-2; "" for a mapping without one): a phone number is read as a mapping with
// each of them reads it. If there are no keys, no event can have this person under this name as
// a match key.
func KeysOf(name string, countries ...string) []Key {
	var keys []Key
	for _, k := range IdentifyingKeys {
		for _, raw := range spellings(k, name) {
			keys = AppendKey(keys, k, match.Normalise(k, raw, match.Locale{}, nil))
		}
	}
	for _, country := range countries {
		keys = AppendKey(keys, match.Phone, match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(country)}, nil))
	}
	return keys
}

// DialledOf reads name as a phone number and returns its digits as people write them:
// international after a + or 00, local as dialled in one of countries.
func DialledOf(name string, countries ...string) (international, local []string) {
	for _, c := range countries {
		v := match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(c)}, nil)
		if v.Form == "" || v.Hashed || slices.Contains(international, v.Form) {
			continue
		}
		i, l := match.Dialled(v.Form, countries)
		international, local = append(international, i...), append(local, l...)
	}
	return international, local
}

// AppendKey appends the Key of a normalized value, unless the value is unusable or the key is
// already there.
func AppendKey(keys []Key, k match.Key, n match.Value) []Key {
	if n.Form == "" {
		return keys
	}
	key := Key{Key: match.Table[k].Name, Value: n.Form}
	if k != match.LeadID {
		sum := match.SumOf(k, n)
		key.Value = string(sum[:])
	}
	if slices.Contains(keys, key) {
		return keys
	}
	return append(keys, key)
}

// Fingerprint returns the fingerprint of a key, as in Outcome.People under the same secret.
func (k Key) Fingerprint(secret []byte) string {
	for id := range match.Count {
		if match.Table[id].Name != k.Key {
			continue
		}
		var sum match.Digest
		copy(sum[:], k.Value)
		return string(NewFingerprinter(secret).Append(nil, id, k.Value, sum))
	}
	return ""
}

// KeyedID returns the keyed hash of an id that identifies a person: HMAC-SHA-256 in hex under
// the secret of the installation.
func KeyedID(secret []byte, id string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("relay id\x00" + id)) // hash.Hash never fails
	return hex.EncodeToString(mac.Sum(nil))
}
