package match

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"relay/internal/meta"
)

// Locale describes the customer's country and the time of the event.
type Locale struct {
	Country        string    // address.country as lower-case ISO alpha-2; "" if absent or unknown
	CountryGiven   bool      // the event has a country, even if it is unknown
	DefaultCountry string    // default_country of the mapping in lower case, or ""
	Today          time.Time // the latest possible date of birth; never the system clock, so that a retry gives the same result
	Slashes        DateOrder // order of day and month between slashes or dashes in a birth date, from the mapping
}

// Effective returns the country for reading values: the event's own, else the mapping's
// default.
func (l Locale) Effective() string {
	if l.Country != "" || l.CountryGiven {
		return l.Country
	}
	return l.DefaultCountry
}

// Value is the result of normalising one raw value of a match key.
type Value struct {
	Form     string // the normal form; "" if the value was rejected
	Original string // external_id only: the trimmed value in its original case, for the offline format
	Hashed   bool   // the value arrived as a SHA-256 and is not hashed again
	Code     string // code of a note: why the value was rejected, or a remark; "" for a blank value
	Why      string // text of the note; never contains the value
	Steps    []Step // how the value was changed; only with a Trace
}

// Step is one rule that changed a value.
type Step struct{ Rule, Result string }

// Trace collects steps. A nil *Trace collects nothing.
type Trace struct{ steps []Step }

func (t *Trace) add(rule, result string) {
	if t != nil {
		t.steps = append(t.steps, Step{rule, result})
	}
}

// Digest is the hash that Meta expects: lower-case hex of the SHA-256 of the UTF-8 bytes.
type Digest [2 * sha256.Size]byte

// digestOf returns the digest of a normal form.
func digestOf(s string) (d Digest) {
	var buf [128]byte
	sum := sha256.Sum256(append(buf[:0], s...))
	hex.Encode(d[:], sum[:])
	return d
}

// Append appends the digest as a JSON string.
func (d *Digest) Append(dst []byte) []byte {
	return append(append(append(dst, '"'), d[:]...), '"')
}

// SHA256 returns the SHA-256 of s in lower-case hex.
func SHA256(s string) string {
	d := digestOf(s)
	return string(d[:])
}

// Normalise returns the normal form of one raw value of a key. It records the steps if t is not
// nil.
func Normalise(k Key, raw string, l Locale, t *Trace) (n Value) {
	switch Table[k].Form {
	case meta.Email:
		n = normaliseEmail(raw, t)
	case meta.Phone:
		n = normalisePhone(raw, l, t)
	case meta.Gender:
		n = normaliseGender(raw, t)
	case meta.Name:
		n = normaliseName(raw, Table[k].Name, t)
	case meta.City:
		n = normaliseCity(raw, t)
	case meta.State2:
		n = normaliseState(raw, l, t)
	case meta.Zip:
		n = normaliseZip(raw, l, t)
	case meta.Country:
		n = normaliseCountry(raw, t)
	case meta.OwnID:
		n = normaliseExternalID(raw, t)
	case meta.LeadID:
		n = normaliseLeadID(raw, t)
	case meta.Date:
		n = normaliseBirthDate(raw, l, t)
	case meta.DeviceID:
		n = normaliseMadid(raw, t)
	}
	if t != nil {
		n.Steps = t.steps
	}
	return n
}
