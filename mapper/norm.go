package mapper

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// locale is what an event says about where its customer lives, and when it
// happened.
type locale struct {
	country        string    // address.country as ISO alpha-2 in lower case, "" when absent or unknown
	named          bool      // the event names a country, if only one that nobody knows
	defaultCountry string    // the mapping's default_country in lower case, or ""
	today          time.Time // the last day that somebody can be born on; never the clock's, so that a retry is the same
}

// effective is the country a value is read by: the event's own, else the mapping's.
func (l locale) effective() string {
	if l.country != "" || l.named {
		return l.country
	}
	return l.defaultCountry
}

// normalised is what one raw value of a match key became.
type normalised struct {
	value  string // the normal form; "" when the value is left out
	plain  string // external_id only: as it came, trimmed, its case kept (the offline format sends it so)
	hashed bool   // it came as a SHA-256 and passes unhashed
	code   string // code of the note when a value was left out; "" when it was merely blank
	why    string // the note in plain words, never with the value
	steps  []step // how it came about; collected only when asked for
}

// step is one rule that changed a value on its way to the normal form.
type step struct{ rule, result string }

// trace collects steps; a nil trace collects nothing and costs nothing.
type trace struct{ steps []step }

func (t *trace) add(rule, result string) {
	if t != nil {
		t.steps = append(t.steps, step{rule, result})
	}
}

// digest is the hash Meta wants: lower-case hex of the UTF-8 bytes.
type digest [2 * sha256.Size]byte

func digestOf(s string) (d digest) {
	var room [128]byte
	sum := sha256.Sum256(append(room[:0], s...))
	hex.Encode(d[:], sum[:])
	return d
}

// append writes the digest as a JSON string.
func (d *digest) append(dst []byte) []byte {
	return append(append(append(dst, '"'), d[:]...), '"')
}

func sha256hex(s string) string {
	d := digestOf(s)
	return string(d[:])
}

// normalise brings one raw value of a key into its normal form, keeping the
// steps when t is not nil.
func normalise(k keyID, raw string, l locale, t *trace) (n normalised) {
	switch k {
	case keyEmail:
		n = traceEmail(raw, t)
	case keyPhone:
		n = tracePhone(raw, l, t)
	case keyGender:
		n = traceGender(raw, t)
	case keyFirstName, keyLastName:
		n = traceName(raw, keyTable[k].name, t)
	case keyCity:
		n = traceCity(raw, t)
	case keyState:
		n = traceState(raw, l, t)
	case keyZip:
		n = traceZip(raw, l, t)
	case keyCountry:
		n = traceCountry(raw, t)
	case keyExternalID:
		n = traceExternalID(raw, t)
	case keyLeadID:
		n = traceLeadID(raw, t)
	case keyBirthDate:
		n = traceBirthDate(raw, l, t)
	case keyMadid:
		n = traceMadid(raw, t)
	}
	if t != nil {
		n.steps = t.steps
	}
	return n
}
