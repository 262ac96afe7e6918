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

// Kinds are the match keys that each name one person.
var Kinds = [...]match.Key{match.Email, match.Phone, match.ExternalID, match.LeadID}

// FingerprintBytes is how much of the HMAC a fingerprint keeps: 96 bits do not
// meet by chance, and the ledger of receipts has room for more of them than of
// 256.
const FingerprintBytes = 12

// readings are the texts under which a match key can hold a name.
func readings(k match.Key, name string) []string {
	switch k {
	case match.Email:
		return append([]string{name}, fold.Spellings(match.Normalise(match.Email, name, match.Locale{}, nil).Form)...)
	case match.Phone:
		// Any id of ten digits is a phone number somewhere: only one that says
		// so, or a hash, is taken for one.
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
				all = append(all, e.Form) // a userId that is an address
			}
			all = append(all, fold.Spellings(e.Form)...)
		}
		return all
	}
	return []string{name}
}

// Fingerprinter makes fingerprints under one secret, one at a time.
type Fingerprinter struct {
	mac hash.Hash
	buf []byte
}

// NewFingerprinter makes one for a secret.
func NewFingerprinter(secret []byte) *Fingerprinter {
	return &Fingerprinter{mac: hmac.New(sha256.New, secret)}
}

// Append appends the fingerprint of a value of a key: of what Meta sees of it,
// so that a value and its hash have one. Keys are kept apart: an id that reads
// like an address is not that address.
func (f *Fingerprinter) Append(dst []byte, k match.Key, value string, sum match.Digest) []byte {
	f.buf = append(append(append(f.buf[:0], "relay person\x00"...), match.Table[k].Name...), 0)
	if k == match.LeadID {
		f.buf = append(f.buf, value...)
	} else {
		f.buf = append(f.buf, sum[:]...)
	}
	f.mac.Reset()
	_, _ = f.mac.Write(f.buf) // a hash takes anything
	f.buf = f.mac.Sum(f.buf[:0])
	return hex.AppendEncode(dst, f.buf[:FingerprintBytes])
}

// Key is a match key that names one person, as Meta would hold it. Two
// spellings of an address, and its hash, give one Key. Keys can be
// compared and used as keys of a map.
type Key struct {
	Key   string // email, phone, external_id or lead_id
	Value string // lower-case hex of the SHA-256 of the normal form; of a lead id its digits
}

// KeysOf returns every match key that a mapping could make of one name of a
// person: an id (userId, lead id), an e-mail address, a phone number or the
// SHA-256 of one of these. A name that does not say what it is, such as 4155550142,
// gives a key for each thing it may be; an address with a domain of letters beyond
// ASCII one for each spelling. A phone number without its country's code is read as
// one of each of countries (ISO alpha-2, "" counts for none). No keys: no event has
// this person under this name as a match key.
func KeysOf(name string, countries ...string) []Key {
	var keys []Key
	for _, k := range Kinds {
		for _, raw := range readings(k, name) {
			keys = AppendKey(keys, k, match.Normalise(k, raw, match.Locale{}, nil))
		}
	}
	for _, country := range countries {
		if country != "" {
			keys = AppendKey(keys, match.Phone, match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(country)}, nil))
		}
	}
	return keys
}

// DialledOf returns the digits of a name of a person as a phone number, as people write
// them: plus behind a plus, or 00, plain without, as it is dialled in these countries.
func DialledOf(name string, countries ...string) (plus, plain []string) {
	for _, c := range countries {
		v := match.Normalise(match.Phone, name, match.Locale{DefaultCountry: strings.ToLower(c)}, nil)
		if v.Form == "" || v.Hashed || slices.Contains(plus, v.Form) {
			continue
		}
		more, local := match.Dialled(v.Form, countries)
		plus, plain = append(plus, more...), append(plain, local...)
	}
	return plus, plain
}

// AppendKey appends a usable value of a key that is not there yet.
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

// Fingerprint is the fingerprint of a key in Outcome.People, under the same
// secret.
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

// KeyedID is the keyed hash of an id that names somebody: HMAC-SHA-256 in hex under the secret of
// the installation.
func KeyedID(secret []byte, id string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("relay id\x00" + id)) // a hash takes anything
	return hex.EncodeToString(mac.Sum(nil))
}
