package match

import (
	"regexp"
	"strings"

	"relay/mapper/fold"
)

// traceZip gives a postcode in lower case without spaces and dashes (docs/meta.md
// 3.1); of US ones the first five digits. A country prefix goes,
// zeros that a spreadsheet ate come back, and what cannot be a postcode of its
// country is left out.
func traceZip(raw string, l Locale, t *Trace) Value {
	country := l.Effective()
	if t == nil && country == "us" && len(raw) == 5 && strings.Trim(raw, "0123456789") == "" && raw != "99999" && raw != "00000" {
		return Value{Form: raw}
	}
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := hashedOr("zip", s, t); done {
		return n
	}
	s = fold.Lower(fold.Digits(s))
	if IsPlaceholder(s) || fold.Squash(s) == "99999" && (country == "us" || country == "") {
		return Placeholder("zip")
	}
	bare := bareZip(s)
	if bare != s {
		t.add("label and spreadsheet's .0 taken off", bare)
	}
	v := zipOf(bare, country)
	if v == "" && l.Country == "" && country != "" {
		v = foreignZip(bare) // default_country alone does not bind an unmistakable foreign code
	}
	switch {
	case v == "":
		return LeftOut("zip", "invalid", "cannot be a postcode of its country")
	case onlyOf(v, "0"):
		return Placeholder("zip")
	}
	if v != bare {
		t.add("postcode of "+strings.ToUpper(or(country, "an unknown country")), v)
	}
	return Value{Form: v}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

var (
	zipFloat = regexp.MustCompile(`^(\d{2,9})[.,]0+$`)
	zipLabel = regexp.MustCompile(`^(?:zip(?:\s*code)?|plz|c\.?\s?p\.?|cap|cep|postcode|postal\s*code|post\s*code|código postal|code postal)\s*[:.#]?\s*`)
	zipPlus4 = regexp.MustCompile(`^(\d{5})-\d{4}$`)
	prefixed = regexp.MustCompile(`^([a-z]{1,3})(\s*[-–.]\s*|\s+|)(\d[\d\s-]{2,10}(?:\s?[a-z]{2})?)$`)
)

// bareZip takes labels and spreadsheet traces off.
func bareZip(s string) string {
	s = strings.Trim(s, " '\"=`.,;:〒")
	if m := zipFloat.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if loc := zipLabel.FindStringIndex(s); loc != nil && hasDigit(s[loc[1]:]) && loc[1] < len(s) {
		s = s[loc[1]:]
	}
	return strings.TrimSpace(s)
}

// zipOf gives the normal form in the given country, "" when s cannot be one.
// country "" is unknown.
func zipOf(s, country string) string {
	if v := zipShapeOf(s, country); v != "" && (country != "" || !prefixed.MatchString(s)) {
		return v
	}
	// A country prefix: D-10115, F 75001, L1234, DE-10115.
	if m := prefixed.FindStringSubmatch(s); m != nil {
		owner := zipPrefixes[m[1]]
		if m[1] == country {
			owner = country
		}
		switch {
		case owner == "":
		case owner == country, country == "" && m[2] != "" || country == "" && len(fold.OnlyDigits(m[3])) >= 4:
			return zipShapeOf(strings.TrimSpace(m[3]), owner)
		case m[2] != "":
			code := strings.TrimSpace(m[3])
			if v := zipShapeOf(code, owner); v != "" && v == fold.Squash(code) {
				return v // NL 1234 AB is no German code, whatever the country says
			}
			return zipShapeOf(code, country)
		}
	}
	if country == "" {
		return zipShapeOf(s, country)
	}
	return ""
}

// foreignZip recognises codes that name their country by their shape.
func foreignZip(s string) string {
	if v := canadianZip(fold.Squash(s)); len(v) == 6 {
		return v
	}
	if v := fold.Squash(s); britishFull.MatchString(v) {
		return v
	}
	if m := prefixed.FindStringSubmatch(s); m != nil && m[2] != "" && zipPrefixes[m[1]] != "" {
		return zipShapeOf(strings.TrimSpace(m[3]), zipPrefixes[m[1]])
	}
	return ""
}

// zipShapeOf applies the shape of a country's codes.
func zipShapeOf(s, country string) string {
	switch country {
	case "us", "pr", "gu", "vi", "as", "mp":
		return usZip(s)
	case "ca":
		return canadianZip(fold.Squash(s))
	case "gb", "gg", "je", "im":
		return britishZip(fold.Squash(s))
	case "nl":
		return dutchZip(s)
	case "ie":
		if v := fold.Squash(s); irish.MatchString(v) {
			return v
		}
		return ""
	case "":
		if m := zipPlus4.FindStringSubmatch(s); m != nil {
			return m[1]
		}
	}
	if shape, ok := zipDigits[country]; ok {
		return shape.of(s)
	}
	v := fold.Squash(s)
	if len(v) < 2 || len(v) > 10 || !isZipAlphabet(v) || !hasDigit(v) {
		return ""
	}
	return v
}

func isZipAlphabet(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z') }) < 0
}
