package match

import (
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// normaliseState returns the two-letter code of a US state or Canadian province if the country
// is one of the two or unknown. For other countries it returns the full name in lower case,
// reduced to letters, marks and digits (docs/meta.md 3.1).
func normaliseState(raw string, l Locale, t *Trace) Value {
	if country := l.Effective(); t == nil && len(raw) == 2 && isSimpleWord(raw) && (country == "us" || country == "") {
		if c := fold.Lower(raw); stateCodes[c] == "us" || stateCodes[c] == "ca" && l.Country == "" {
			return Value{Form: c}
		}
	}
	s := cleanText(raw, t)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("state", s, t); done {
		return n
	}
	country := l.Effective()
	if IsPlaceholder(s) && !(caseSensitive[s] && country != "us" && country != "ca" && country != "") {
		return RejectPlaceholder("state")
	}
	switch country {
	case "us", "ca", "":
		code := resolveState(s, country)
		if code != "" && (l.Country == "" || stateCodes[code] == l.Country) {
			if code != s {
				t.add("two-letter code", code)
			}
			return Value{Form: code}
		}
		if country != "" {
			return Reject("state", "unknown", "is not a US state or Canadian province")
		}
	default:
		s = withoutCountryPrefix(s, country)
	}
	v := fold.Keep(fold.Lower(s), fold.IsWordy)
	if strings.IndexFunc(v, unicode.IsLetter) < 0 && len(v) > 3 || v == "" {
		return Reject("state", "invalid", "contains no name")
	}
	t.add("in full, lower case, letters and digits only", v)
	return Value{Form: v}
}

// withoutCountryPrefix removes the country from an ISO 3166-2 code (AU-NSW).
func withoutCountryPrefix(s, country string) string {
	if i := strings.IndexByte(s, '-'); i == 2 && strings.EqualFold(s[:2], country) && len(s) > 3 && len(s) <= 6 {
		return s[3:]
	}
	return s
}

// stateOf returns the code for a folded code, name or abbreviation, or "".
func stateOf(folded string) string {
	if len(folded) == 2 && stateCodes[folded] != "" {
		return folded
	}
	return stateNames[folded]
}

// resolveState reads a state in any spelling: CA, Calif., US-CA, State of California,
// California (CA), CA 94105, Seattle, WA.
func resolveState(s, country string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsNumber(r) {
			return ' '
		}
		return r
	}, s))
	f := fold.Letters(s)
	if country == "ca" && frenchCodes[f] != "" {
		return frenchCodes[f]
	}
	if code := stateOf(f); code != "" {
		return code
	}
	for _, p := range []string{"thestateof", "stateof", "commonwealthof", "thecommonwealthof", "provinceof", "provincede", "provinceduquebec", "territoryof", "estadode", "etatde"} {
		if rest, ok := strings.CutPrefix(f, p); ok && stateNames[rest] != "" {
			return stateNames[rest]
		}
	}
	for _, p := range []string{"state", "province", "usa", "us", "unitedstates", "unitedstatesofamerica", "canada"} {
		if rest, ok := strings.CutSuffix(f, p); ok {
			if code := stateOf(rest); code != "" && (len(rest) > 2 || p != "state") {
				return code
			}
		}
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("-–,/|()[]:;_", r) })
	if len(parts) < 2 {
		if first, rest, ok := strings.Cut(s, " "); ok && isStateCountry(first) {
			return stateOf(fold.Letters(rest)) // US CA
		} else if ok { // CA California
			if a, b := stateOf(fold.Letters(first)), stateOf(fold.Letters(rest)); a != "" && a == b {
				return a
			}
		}
		return ""
	}
	if isStateCountry(parts[0]) {
		if code := stateOf(fold.Letters(strings.Join(parts[1:], " "))); code != "" {
			return code
		}
	}
	code := stateOf(fold.Letters(parts[len(parts)-1]))
	if code == "" && len(parts) == 2 && fold.Letters(parts[1]) != "" {
		code = stateOf(fold.Letters(parts[0])) // Ontario - Canada, NY (Manhattan)
		if countryOf(parts[1]) == "" && !strings.ContainsAny(s, "()[]") {
			return ""
		}
	}
	return code
}

func isStateCountry(s string) bool {
	switch fold.Letters(s) {
	case "us", "usa", "ca", "can", "canada":
		return true
	}
	return false
}
