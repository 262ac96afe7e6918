package match

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"relay/mapper/fold"
)

// normalisePhone returns E.164 digits without the plus; the country code is required
// (docs/meta.md 3.1). The country comes from the number, else from the event's address, else
// from the mapping. A number without country, or impossible in its numbering plan, is rejected
// because it could never match.
func normalisePhone(raw string, l Locale, t *Trace) Value {
	if t == nil {
		if e164, ok := fastPhone(raw, l); ok {
			return Value{Form: e164}
		}
	}
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("phone", s, t); done {
		return n
	}
	s = fold.Digits(s)
	if IsPlaceholder(s) || isNoAddress(s) {
		return RejectPlaceholder("phone")
	}
	if len(s) > 120 {
		return Reject("phone", "impossible", "is too long for a phone number")
	}
	if fold.LostDigits(s) {
		return Reject("phone", "impossible", "is a number rounded by a spreadsheet (9.99E+99); format its column as text")
	}
	w := parseWritten(s)
	if w.bare != s {
		t.add("labels, extension and punctuation removed", w.bare)
	}
	if strings.Trim(w.digits, "0") == "" {
		if w.digits == "" {
			return Reject("phone", "impossible", "contains no digits")
		}
		return RejectPlaceholder("phone")
	}
	p := planOf(l)
	n, one := p.resolve(w), false
	if n.status != possible {
		for _, part := range splitNumbers(s) { // "650-555-1212 / 555-1213": use the first valid one
			if m := p.resolve(parseWritten(part.text)); m.status == possible && m.valid {
				n, one = m, true
				t.add("several numbers: first valid one", part.text)
				break
			}
		}
	}
	switch {
	case n.status == noCountry && l.CountryGiven && l.Country == "":
		return Reject("phone", "no_country", "has no country code, and the event's country is unknown; default_country is not used instead")
	case n.status == noCountry:
		return Reject("phone", "no_country", "has no country code, and neither the event nor default_country gives a country")
	case n.status != possible:
		return Reject("phone", "impossible", "is not a possible number in its country")
	case isPlaceholderNumber(n):
		return RejectPlaceholder("phone")
	}
	if t != nil {
		rule := "country code from the number"
		if n.national {
			rule = "national number of " + p.region + ": country code added, trunk prefix removed"
		}
		t.add(rule, n.e164)
	}
	if one {
		return Value{Form: n.e164, Code: "phone_several", Why: "phone contains several numbers; the first valid one is sent"}
	}
	return Value{Form: n.e164}
}

type phoneStatus int

const (
	impossible phoneStatus = iota
	noCountry
	possible
)

// phoneNumber is one reading of a written number.
type phoneNumber struct {
	status   phoneStatus
	valid    bool   // in a range that the numbering plan assigns, not only of a possible length
	mobile   bool   // valid and in a range of mobile numbers
	national bool   // read as a national number in the plan's region
	e164     string // digits without the plus
	nsn      string // the national significant number
}

// numberingPlan is the plan by which a national number is read.
type numberingPlan struct {
	region string // ISO alpha-2 in upper case; "" if the country is unknown
	code   string // the country calling code
	nanp   bool   // the North American Numbering Plan
}

func planOf(l Locale) numberingPlan {
	r := strings.ToUpper(l.Effective())
	if r == "UM" {
		r = "US"
	}
	cc := phonenumbers.GetCountryCodeForRegion(r)
	if cc == 0 {
		return numberingPlan{} // no such plan (Antarctica), or no country
	}
	return numberingPlan{region: r, code: strconv.Itoa(cc), nanp: cc == 1}
}

// resolve tries the readings of a number, the likeliest first. A valid reading takes precedence
// over a possible one.
func (p numberingPlan) resolve(w writtenNumber) phoneNumber {
	if w.international {
		return p.international(w)
	}
	if p.region == "" {
		// 011 is dialled only from North America, and (0) is written only after a country code.
		// Both therefore imply a country code.
		if rest, ok := strings.CutPrefix(w.digits, "011"); ok && len(rest) >= 10 {
			if n := parsePhone("+"+rest, ""); n.valid {
				return n
			}
		}
		if w.trunk > 0 && w.trunk <= 3 {
			if n := p.international(w); n.valid {
				return n
			}
		}
		// 1-650-253-0000, or 442079460018 as a JSON number, which cannot start with a plus:
		// long enough for a country code and a number, and in an assigned range.
		if len(w.digits) >= 11 && w.digits[0] != '0' && !w.stripped {
			if n := parsePhone("+"+w.digits, ""); n.valid {
				return n
			}
		}
		return phoneNumber{status: noCountry}
	}
	n := parsePhone(w.digits, p.region)
	if n.valid {
		// 49 171 1234567 in Germany: a country code without its plus, although some village's
		// numbers start with 0491 too.
		if strings.HasPrefix(w.digits, p.code) && !n.mobile {
			if i := parsePhone("+"+w.digits, ""); i.valid && i.mobile {
				return i
			}
		}
		return n
	}
	if w.letters != "" {
		if v := parsePhone(w.letters, p.region); v.valid || v.status == possible && n.status != possible {
			return v
		}
	}
	// A country code without its plus: longer than a national number.
	if len(w.digits) >= 10 && w.digits[0] != '0' && (n.status != possible || len(w.digits) >= 11) {
		if i := parsePhone("+"+w.digits, ""); i.valid {
			return i
		}
		if i := p.international(w); i.valid && w.trunk > 0 {
			return i
		}
	}
	// 044 7700 900123: one of the two zeros before a country code is missing.
	if rest := strings.TrimLeft(w.digits, "0"); rest != w.digits {
		if i := parsePhone("+"+rest, ""); i.valid && strings.HasPrefix(rest, p.code) && !p.nanp {
			return i
		}
		if v := parsePhone(rest, p.region); p.nanp && v.valid && n.status != possible {
			return v
		}
	}
	if n.status == possible && w.stripped {
		return phoneNumber{} // letters were dropped, so only an assigned range is accepted
	}
	return n
}

// international reads a number written with + or 00.
func (p numberingPlan) international(w writtenNumber) phoneNumber {
	d := w.digits
	for {
		switch {
		case strings.HasPrefix(d, "00"):
			d = strings.TrimLeft(d, "0")
			continue
		case strings.HasPrefix(d, "011") && len(d) > 12:
			d = d[3:]
			continue
		}
		break
	}
	n := parsePhone("+"+d, "")
	// +44 44 7911 123456: the form and the customer have both added the country code, although
	// some village's numbers start with 0491 too.
	for length := 1; length <= 3 && 2*length < len(d) && !n.mobile; length++ {
		if d[:length] == d[length:2*length] {
			if v := parsePhone("+"+d[length:], ""); v.valid && (v.mobile || !n.valid) {
				return v
			}
		}
	}
	if n.valid {
		return n
	}
	if w.letters != "" {
		if v := parsePhone("+"+w.letters, ""); v.valid {
			return v
		}
	}
	// A trunk zero that the library does not drop in this plan: +34 (0)91…, +39 (0)347…
	if w.trunk > 0 && w.trunk < len(w.digits) && w.digits[w.trunk] == '0' {
		if v := parsePhone("+"+strings.TrimLeft(w.digits[:w.trunk]+w.digits[w.trunk+1:], "0"), ""); v.valid || v.status == possible && n.status != possible {
			return v
		}
	}
	if strings.HasPrefix(n.nsn, "0") {
		cc := n.e164[:len(n.e164)-len(n.nsn)]
		if v := parsePhone("+"+cc+strings.TrimLeft(n.nsn, "0"), ""); v.valid {
			return v
		}
	}
	// A plus before a number without country code: +020 7946 0958, +650 555 1212.
	if p.region != "" && (n.status != possible || p.nanp && len(d) == 10) {
		if v := parsePhone(w.digits, p.region); v.valid {
			return v
		}
	}
	return n
}

// parsePhone parses a number with the library. digits are digits, or a plus and digits.
func parsePhone(digits, region string) phoneNumber {
	if len(digits) < 3 || len(digits) > 25 {
		return phoneNumber{}
	}
	digits = withoutMexicanToken(digits, region)
	var pn phonenumbers.PhoneNumber
	if err := phonenumbers.ParseToNumber(digits, region, &pn); err != nil {
		return phoneNumber{}
	}
	// "Possible, but only as a local number" means that the area code is missing.
	if phonenumbers.IsPossibleNumberWithReason(&pn) != phonenumbers.IS_POSSIBLE {
		return phoneNumber{}
	}
	nsn := phonenumbers.GetNationalSignificantNumber(&pn)
	e164 := strings.TrimPrefix(phonenumbers.Format(&pn, phonenumbers.E164), "+")
	n := phoneNumber{status: possible, valid: phonenumbers.IsValidNumber(&pn), national: digits[0] != '+', e164: e164, nsn: nsn}
	n.mobile = n.valid && phonenumbers.GetNumberType(&pn) == phonenumbers.MOBILE
	if !n.valid && len(nsn) < 7 {
		return phoneNumber{} // some plans accept almost any length as possible
	}
	return n
}

// Dialled returns the digits of an E.164 number as people write them: international after a +
// or 00, local as dialled in those of countries (ISO alpha-2) that have its country code.
func Dialled(e164 string, countries []string) (international, local []string) {
	international, local = []string{e164}, []string{e164, "011" + e164}
	var pn phonenumbers.PhoneNumber
	if err := phonenumbers.ParseToNumber("+"+e164, "", &pn); err != nil {
		return international, local
	}
	code, nsn := int(pn.GetCountryCode()), phonenumbers.GetNationalSignificantNumber(&pn)
	international = append(international, strconv.Itoa(code)+"0"+nsn) // +49 (0)171
	for _, c := range countries {
		c = strings.ToUpper(c)
		if phonenumbers.GetCountryCodeForRegion(c) != code {
			continue
		}
		for _, trunk := range []string{"", phonenumbers.GetNddPrefixForRegion(c, true)} {
			if d := trunk + nsn; !slices.Contains(local, d) {
				local = append(local, d)
			}
		}
	}
	return international, local
}

// withoutMexicanToken drops prefixes that Mexico abolished in 2019 and 2020 but address books
// still have: the mobile token 1 after +52, and the prefixes 01, 044 and 045. The library no
// longer has them.
func withoutMexicanToken(digits, region string) string {
	if rest, ok := strings.CutPrefix(digits, "+521"); ok && len(rest) == 10 {
		return "+52" + rest
	}
	if region != "MX" {
		return digits
	}
	for _, p := range []string{"01", "044", "045", "521", "1"} {
		if rest, ok := strings.CutPrefix(digits, p); ok && len(rest) == 10 {
			return rest
		}
	}
	return digits
}

// fillerDigits is the minimum number of equal digits at the end of a placeholder: 0151
// 11111111, 0170 00000000.
const fillerDigits = 8

// isPlaceholderNumber reports whether a number was entered only to fill the field: one digit
// throughout or at the end, or, if the plan does not assign it, few different digits or a
// sequence such as 1234567890.
func isPlaceholderNumber(n phoneNumber) bool {
	if last := n.nsn[len(n.nsn)-1:]; len(n.nsn)-len(strings.TrimRight(n.nsn, last)) >= min(fillerDigits, len(n.nsn)) {
		return true
	}
	if n.valid {
		return false
	}
	distinct := 0
	for d := '0'; d <= '9'; d++ {
		if strings.ContainsRune(n.nsn, d) {
			distinct++
		}
	}
	return distinct <= 2 || strings.Contains("012345678901234567890", n.nsn) || strings.Contains("098765432109876543210", n.nsn) ||
		strings.HasSuffix(n.nsn, "0000000") || n.nsn == "1231231234" || n.nsn == "1231234567"
}
