package mapper

import (
	"crypto/sha256"
	"encoding/hex"
)

// locale is what an event says about where its customer lives.
type locale struct {
	country        string // address.country as ISO alpha-2 in lower case, "" when absent or unknown
	defaultCountry string // the mapping's default_country in lower case, or ""
}

// effective is the country a value is read by: the event's own, else the mapping's.
func (l locale) effective() string {
	if l.country != "" {
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
	steps  []step // how it came about; collected only by explainKey
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

// sha256hex is the hash Meta wants: lower-case hex of the UTF-8 bytes.
func sha256hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	var out [2 * sha256.Size]byte
	hex.Encode(out[:], sum[:])
	return string(out[:])
}

func normEmail(raw string) normalised           { return traceEmail(raw, nil) }
func normPhone(raw string, l locale) normalised { return tracePhone(raw, l, nil) }
func normGender(raw string) normalised          { return traceGender(raw, nil) }
func normFirstName(raw string) normalised       { return traceName(raw, "first_name", nil) }
func normLastName(raw string) normalised        { return traceName(raw, "last_name", nil) }
func normCity(raw string) normalised            { return traceCity(raw, nil) }
func normState(raw string, l locale) normalised { return traceState(raw, l, nil) }
func normZip(raw string, l locale) normalised   { return traceZip(raw, l, nil) }
func normCountry(raw string) normalised         { return traceCountry(raw, nil) }
func normExternalID(raw string) normalised      { return traceExternalID(raw, nil) }
func normLeadID(raw string) normalised          { return traceLeadID(raw, nil) }
func normBirthDate(raw string) normalised       { return traceBirthDate(raw, nil) }

// explainKey normalises with every step kept. key is a name under match_keys;
// an unknown one gives the zero value.
func explainKey(key, raw string, l locale) normalised {
	t := &trace{}
	var n normalised
	switch key {
	case "email":
		n = traceEmail(raw, t)
	case "phone":
		n = tracePhone(raw, l, t)
	case "gender":
		n = traceGender(raw, t)
	case "first_name", "last_name":
		n = traceName(raw, key, t)
	case "city":
		n = traceCity(raw, t)
	case "state":
		n = traceState(raw, l, t)
	case "zip":
		n = traceZip(raw, l, t)
	case "country":
		n = traceCountry(raw, t)
	case "external_id":
		n = traceExternalID(raw, t)
	case "lead_id":
		n = traceLeadID(raw, t)
	case "date_of_birth":
		n = traceBirthDate(raw, t)
	}
	n.steps = t.steps
	return n
}
