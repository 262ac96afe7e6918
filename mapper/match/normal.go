package match

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"relay/internal/meta"
)

// Locale is what an event says about where its customer lives, and when it
// happened.
type Locale struct {
	Country        string    // address.country as ISO alpha-2 in lower case, "" when absent or unknown
	Named          bool      // the event names a country, if only one that nobody knows
	DefaultCountry string    // the mapping's default_country in lower case, or ""
	Today          time.Time // the last day that somebody can be born on; never the clock's, so that a retry is the same
	Slashes        Order     // of the parts of a birth date between slashes or dashes, where the mapping says one
}

// Effective is the country a value is read by: the event's own, else the mapping's.
func (l Locale) Effective() string {
	if l.Country != "" || l.Named {
		return l.Country
	}
	return l.DefaultCountry
}

// Value is what one raw value of a match key became.
type Value struct {
	Form   string // the normal form; "" when the value is left out
	Plain  string // external_id only: as it came, trimmed, its case kept (the offline format sends it so)
	Hashed bool   // it came as a SHA-256 and passes unhashed
	Code   string // code of the note: why a value was left out, or one beside it; "" when it was merely blank
	Why    string // the note in plain words, never with the value
	Steps  []Step // how it came about; collected only when asked for
}

// Step is one rule that changed a value on its way to the normal form.
type Step struct{ Rule, Result string }

// Trace collects steps; a nil trace collects nothing and costs nothing.
type Trace struct{ steps []Step }

func (t *Trace) add(rule, result string) {
	if t != nil {
		t.steps = append(t.steps, Step{rule, result})
	}
}

// Digest is the hash Meta wants: lower-case hex of the UTF-8 bytes.
type Digest [2 * sha256.Size]byte

// digestOf is the digest of a normal form.
func digestOf(s string) (d Digest) {
	var room [128]byte
	sum := sha256.Sum256(append(room[:0], s...))
	hex.Encode(d[:], sum[:])
	return d
}

// Append writes the digest as a JSON string.
func (d *Digest) Append(dst []byte) []byte {
	return append(append(append(dst, '"'), d[:]...), '"')
}

// SHA256 is the digest as text.
func SHA256(s string) string {
	d := digestOf(s)
	return string(d[:])
}

// Normalise brings one raw value of a key into its normal form, keeping the
// steps when t is not nil.
func Normalise(k Key, raw string, l Locale, t *Trace) (n Value) {
	switch Table[k].Form {
	case meta.Email:
		n = traceEmail(raw, t)
	case meta.Phone:
		n = tracePhone(raw, l, t)
	case meta.Gender:
		n = traceGender(raw, t)
	case meta.Name:
		n = traceName(raw, Table[k].Name, t)
	case meta.City:
		n = traceCity(raw, t)
	case meta.State2:
		n = traceState(raw, l, t)
	case meta.Zip:
		n = traceZip(raw, l, t)
	case meta.Country:
		n = traceCountry(raw, t)
	case meta.OwnID:
		n = traceExternalID(raw, t)
	case meta.LeadID:
		n = traceLeadID(raw, t)
	case meta.Date:
		n = traceBirthDate(raw, l, t)
	case meta.DeviceID:
		n = traceMadid(raw, t)
	}
	if t != nil {
		n.Steps = t.steps
	}
	return n
}
