package mapper

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

// keysOfPeople are the match keys that each name one person.
var keysOfPeople = [...]match.Key{match.Email, match.Phone, match.ExternalID, match.LeadID}

// fingerprintBytes is how much of the HMAC a fingerprint keeps: 96 bits do not
// meet by chance, and the ledger of receipts has room for more of them than of
// 256.
const fingerprintBytes = 12

// WithSecret makes the mapping give Outcome.People, as fingerprints under a
// secret of the installation. Without one there are none: nobody can make them
// from a list of addresses who has not read the secret. nil changes nothing.
func WithSecret(secret []byte) ParseOption {
	return func(m *Mapping) { m.secret = slices.Clone(secret) }
}

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

// findPeople makes the fingerprints of whom the event is about.
func (s *subject) findPeople() {
	if len(s.m.secret) == 0 {
		return
	}
	if s.prints == nil {
		s.prints = newFingerprinter(s.m.secret)
	}
	text, n := s.written[:0], 0
	for _, k := range keysOfPeople {
		for i := range s.keys[k] {
			v := &s.keys[k][i]
			text = s.prints.append(text, k, v.Form, v.sum)
			n++
		}
	}
	s.written = text
	all := string(text)
	s.people = make([]string, 0, n)
	for ; all != ""; all = all[2*fingerprintBytes:] {
		if p := all[:2*fingerprintBytes]; !slices.Contains(s.people, p) { // an address, and its hash
			s.people = append(s.people, p)
		}
	}
}

// fingerprinter makes fingerprints under one secret, one at a time.
type fingerprinter struct {
	mac hash.Hash
	buf []byte
}

func newFingerprinter(secret []byte) *fingerprinter {
	return &fingerprinter{mac: hmac.New(sha256.New, secret)}
}

// append appends the fingerprint of a value of a key: of what Meta sees of it,
// so that a value and its hash have one. Keys are kept apart: an id that reads
// like an address is not that address.
func (f *fingerprinter) append(dst []byte, k match.Key, value string, sum match.Digest) []byte {
	f.buf = append(append(append(f.buf[:0], "relay person\x00"...), match.Table[k].Name...), 0)
	if k == match.LeadID {
		f.buf = append(f.buf, value...)
	} else {
		f.buf = append(f.buf, sum[:]...)
	}
	f.mac.Reset()
	_, _ = f.mac.Write(f.buf) // a hash takes anything
	f.buf = f.mac.Sum(f.buf[:0])
	return hex.AppendEncode(dst, f.buf[:fingerprintBytes])
}
