package match

import (
	"cmp"
	"regexp"
	"strings"

	"relay/mapper/fold"
)

// normaliseZip returns a postcode in lower case without spaces and dashes (docs/meta.md 3.1);
// of US codes the first five digits. It removes a country prefix and restores leading zeros
// that a spreadsheet removed. A value that is not a possible postcode of its country is
// rejected.
func normaliseZip(raw string, l Locale, t *Trace) Value {
	country := l.Effective()
	if t == nil && country == "us" && len(raw) == 5 && strings.Trim(raw, "0123456789") == "" && raw != "99999" && raw != "00000" {
		return Value{Form: raw}
	}
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("zip", s, t); done {
		return n
	}
	s = fold.Lower(fold.Digits(s))
	if IsPlaceholder(s) || fold.Squash(s) == "99999" && (country == "us" || country == "") {
		return RejectPlaceholder("zip")
	}
	bare := bareZip(s)
	if bare != s {
		t.add("label and spreadsheet's .0 removed", bare)
	}
	v := zipOf(bare, country)
	if v == "" && l.Country == "" && country != "" {
		v = foreignZip(bare) // default_country alone does not exclude an unmistakable foreign code
	}
	switch {
	case v == "":
		return Reject("zip", "invalid", "is not a possible postcode of its country")
	case onlyOf(v, "0"):
		return RejectPlaceholder("zip")
	}
	if v != bare {
		t.add("postcode of "+strings.ToUpper(cmp.Or(country, "an unknown country")), v)
	}
	return Value{Form: v}
}

var (
	zipFloat = regexp.MustCompile(`^(\d{2,9})[.,]0+$`)
	zipLabel = regexp.MustCompile(`^(?:zip(?:\s*code)?|plz|c\.?\s?p\.?|cap|cep|postcode|postal\s*code|post\s*code|código postal|code postal)\s*[:.#]?\s*`)
	zipPlus4 = regexp.MustCompile(`^(\d{5})-\d{4}$`)
	prefixed = regexp.MustCompile(`^([a-z]{1,3})(\s*[-–.]\s*|\s+|)(\d[\d\s-]{2,10}(?:\s?[a-z]{2})?)$`)
)

// bareZip removes labels and traces of spreadsheets.
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

// zipOf returns the normal form for a country ("" if unknown), or "" if s is not a possible
// postcode there.
func zipOf(s, country string) string {
	if v := zipByCountry(s, country); v != "" && (country != "" || !prefixed.MatchString(s)) {
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
			return zipByCountry(strings.TrimSpace(m[3]), owner)
		case m[2] != "":
			code := strings.TrimSpace(m[3])
			if v := zipByCountry(code, owner); v != "" && v == fold.Squash(code) {
				return v // NL 1234 AB is not a German code, whatever the country
			}
			return zipByCountry(code, country)
		}
	}
	if country == "" {
		return zipByCountry(s, country)
	}
	return ""
}

// foreignZip recognises codes whose shape identifies their country.
func foreignZip(s string) string {
	if v := canadianZip(fold.Squash(s)); len(v) == 6 {
		return v
	}
	if v := fold.Squash(s); britishFull.MatchString(v) {
		return v
	}
	if m := prefixed.FindStringSubmatch(s); m != nil && m[2] != "" && zipPrefixes[m[1]] != "" {
		return zipByCountry(strings.TrimSpace(m[3]), zipPrefixes[m[1]])
	}
	return ""
}

// zipByCountry applies the postcode format of a country.
func zipByCountry(s, country string) string {
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
	if shape, ok := digitZips[country]; ok {
		return shape.normalise(s)
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
