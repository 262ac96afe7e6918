package match

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// normaliseCity returns a city in NFC and lower case, reduced to letters and marks. Accents
// stay, because Meta hashes UTF-8 unchanged. Words with a digit are dropped, and so is a state
// or country after the name.
func normaliseCity(raw string, t *Trace) Value {
	if t == nil {
		if v, ok := fastCity(raw); ok {
			return Value{Form: v}
		}
	}
	s := cleanText(raw, t)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("city", s, t); done {
		return n
	}
	if IsPlaceholder(s) || cityPlaceholders[fold.Squash(s)] {
		return RejectPlaceholder("city")
	}
	if strings.Contains(s, "@") {
		return Reject("city", "invalid", "is an e-mail address, not a city")
	}
	if strings.Contains(s, "?") {
		return Reject("city", "invalid", whyQuestionMark)
	}
	if u := withoutDistrict(s); u != s {
		t.add("district, number and postcode removed", u)
		s = u
	}
	if u := withoutRegion(s); u != s {
		t.add("state or country after the city removed", u)
		s = u
	}
	v := fold.Keep(fold.Lower(s), fold.IsLetterish)
	t.add("lower case, letters only", v)
	switch {
	case v == "" || strings.IndexFunc(v, unicode.IsLetter) < 0:
		return Reject("city", "invalid", "contains no letter")
	case isPlaceholderForm(v):
		return RejectPlaceholder("city")
	}
	return Value{Form: v}
}

// fastCity handles the common case, words of ASCII letters. ok is false when normaliseCity must
// decide.
func fastCity(raw string) (city string, ok bool) {
	var buf [32]byte
	v := buf[:0]
	word := 0
	for i := range len(raw) {
		switch c := raw[i]; {
		case len(v) == len(buf):
			return "", false
		case 'a' <= c && c <= 'z':
			v = append(v, c)
		case 'A' <= c && c <= 'Z':
			v = append(v, c+'a'-'A')
		case c == ' ' && len(v)-word > 2 && !placeholders[string(v[word:])] && !placeholderWords[string(v[word:])]:
			word = len(v)
		default:
			return "", false
		}
	}
	if last := v[word:]; len(last) < 3 || placeholders[string(last)] || placeholderWords[string(last)] || districtWords[string(last)] { // it could be a state, or too short
		return "", false // a state behind it, or nothing much
	}
	if placeholders[string(v)] || cityPlaceholders[string(v)] || caseSensitive[raw] || strings.Contains(string(v), "cedex") || isRepeatedByte(string(v)) {
		return "", false
	}
	return string(v), true
}

var cityPlaceholders = wordSet("city town anytown anycity cityname yourcity nocity nowhere ciudad ville stadt")

// districtWords are dropped together with the number next to them.
var districtWords = wordSet("arrondissement arrondissements arr arrdt ardt cedex bezirk kerület kerulet district zip plz cp postcode")

// countryPostcode matches a postcode with a country prefix: D-10115 Berlin.
var countryPostcode = regexp.MustCompile(`\b[A-Za-z]{1,3}[-–]\d{4,5}\b`)

func isCityBreak(r rune) bool {
	return r == ' ' || r == ',' || r == ';' || r == '/' || r == '(' || r == ')' || r == '-' || r == '–'
}

// withoutDistrict drops words that contain a digit (Paris 16e, 75016 Paris, London SW1A 1AA),
// and Cedex.
func withoutDistrict(s string) string {
	if strings.IndexFunc(s, unicode.IsNumber) < 0 && !strings.Contains(fold.Lower(s), "cedex") {
		return s
	}
	s = countryPostcode.ReplaceAllString(s, " ")
	var b strings.Builder
	word := 0 // start of the current word
	flush := func(end int) {
		if w := s[word:end]; strings.IndexFunc(w, unicode.IsNumber) < 0 && !districtWords[titleKey(w)] {
			b.WriteString(w)
		}
	}
	for i, r := range s {
		if isCityBreak(r) {
			flush(i)
			b.WriteRune(r)
			word = i + utf8.RuneLen(r)
		}
	}
	flush(len(s))
	return strings.Trim(strings.Join(strings.Fields(b.String()), " "), " ,;/-–")
}

// withoutRegion drops a state or country after the city if it is set off by a comma, brackets
// or capitals: "Portland, OR", "Springfield (IL)", "Paris, France", "Austin TX". Washington
// keeps D.C. Brackets that belong to a name stay: Halle (Saale).
func withoutRegion(s string) string {
	if loc := brackets.FindStringIndex(s); loc != nil {
		head, tail := s[:loc[0]], s[loc[1]:]
		inner := strings.Trim(s[loc[0]:loc[1]], "()[]{} ")
		if fold.Squash(head) != "" && (fold.Squash(inner) == "" || isRegion(inner)) && !isDC(head, inner) {
			s = strings.TrimSpace(strings.TrimSpace(head) + " " + strings.TrimSpace(tail))
		}
	}
	for {
		i := strings.LastIndexByte(s, ',')
		if i <= 0 || fold.Squash(s[:i]) == "" {
			break
		}
		tail := strings.TrimSpace(s[i+1:])
		if fold.Squash(tail) != "" && (!isRegion(tail) || isDC(s[:i], tail)) {
			break
		}
		s = strings.TrimSpace(s[:i])
	}
	if i := strings.LastIndexByte(s, ' '); i > 0 && i+3 == len(s) {
		code := s[i+1:]
		if code == strings.ToUpper(code) && strings.ToUpper(s) != s && stateCodes[strings.ToLower(code)] != "" && !isDC(s[:i], code) {
			s = strings.TrimRight(s[:i], " ,")
		}
	}
	return s
}

func isDC(head, tail string) bool {
	return fold.Letters(head) == "washington" && stateOf(fold.Letters(tail)) == "dc"
}

// isRegion reports whether s is a US state, a Canadian province or a country.
func isRegion(s string) bool {
	if stateOf(fold.Letters(s)) != "" || countryOf(s) != "" {
		return true
	}
	if i := strings.LastIndexAny(s, " "); i > 0 {
		return stateOf(fold.Letters(s[:i])) != "" && countryOf(s[i+1:]) != ""
	}
	return false
}
