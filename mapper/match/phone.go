package match

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"relay/mapper/fold"
)

// tracePhone gives E.164 digits without the plus (docs/meta.md 3.1: the
// country code is required). The country comes from the number, else from the
// event's address, else from the mapping; a number without one, and one that
// no plan allows, is left out: it could never match.
func tracePhone(raw string, l Locale, t *Trace) Value {
	if t == nil {
		if e164, ok := fastPhone(raw, l); ok {
			return Value{Form: e164}
		}
	}
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := hashedOr("phone", s, t); done {
		return n
	}
	s = fold.Digits(s)
	if IsPlaceholder(s) || isNoAddress(s) {
		return Placeholder("phone")
	}
	if len(s) > 120 {
		return LeftOut("phone", "impossible", "is far too long for a number")
	}
	if fold.LostDigits(s) {
		return LeftOut("phone", "impossible", "is a number that a spreadsheet has shortened (9.99E+99); format its column as text")
	}
	w := readPhone(s)
	if w.bare != s {
		t.add("labels, extension and punctuation taken off", w.bare)
	}
	if strings.Trim(w.digits, "0") == "" {
		if w.digits == "" {
			return LeftOut("phone", "impossible", "holds no number")
		}
		return Placeholder("phone")
	}
	p := planOf(l)
	n, one := p.resolve(w), false
	if n.status != possible {
		for _, part := range numbersIn(s) { // "650-555-1212 / 555-1213": the first that stands
			if m := p.resolve(readPhone(part.text)); m.status == possible && m.valid {
				n, one = m, true
				t.add("several numbers: the first one", part.text)
				break
			}
		}
	}
	switch {
	case n.status == noCountry && l.Named && l.Country == "":
		return LeftOut("phone", "no_country", "has no country code, and the country that the event names is not known; default_country does not stand in for it")
	case n.status == noCountry:
		return LeftOut("phone", "no_country", "has no country code, and neither the address nor default_country names a country")
	case n.status != possible:
		return LeftOut("phone", "impossible", "is not possible in its country's numbering plan")
	case placeholderNumber(n):
		return Placeholder("phone")
	}
	if t != nil {
		rule := "country code from the number"
		if n.national {
			rule = "national number of " + p.region + ": country code added, trunk prefix dropped"
		}
		t.add(rule, n.e164)
	}
	if one {
		return Value{Form: n.e164, Code: "phone_several", Why: "phone names several numbers: the first that can be dialled is sent"}
	}
	return Value{Form: n.e164}
}

type phoneStatus int

const (
	impossible phoneStatus = iota
	noCountry
	possible
)

// number is one reading of a written number.
type number struct {
	status   phoneStatus
	valid    bool   // the numbering plan knows its range, not only its length
	mobile   bool   // and it is one of mobiles
	national bool   // read as a national number of the plan's region
	e164     string // digits without +
	nsn      string // the national significant number
}

// plan is the numbering plan that a national number is read by.
type plan struct {
	region string // ISO alpha-2 in upper case, "" when no country is known
	code   string // its country code
	nanp   bool
}

func planOf(l Locale) plan {
	r := strings.ToUpper(l.Effective())
	if r == "UM" {
		r = "US"
	}
	cc := phonenumbers.GetCountryCodeForRegion(r)
	if cc == 0 {
		return plan{} // no such plan: Antarctica, or no country
	}
	return plan{region: r, code: strconv.Itoa(cc), nanp: cc == 1}
}

// resolve tries the readings of a number from the likeliest on. A reading that
// the plan knows (valid) beats one of merely the right length (possible).
func (p plan) resolve(w written) number {
	if w.international {
		return p.international(w)
	}
	if p.region == "" {
		// 011 is dialled from North America alone, and (0) is written only
		// after a country code: both name the country after all.
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
		// 1-650-253-0000, or the number 442079460018 in JSON, which cannot begin
		// with a plus: as long as a country code and its number, and in its range.
		if len(w.digits) >= 11 && w.digits[0] != '0' && !w.stripped {
			if n := parsePhone("+"+w.digits, ""); n.valid {
				return n
			}
		}
		return number{status: noCountry}
	}
	n := parsePhone(w.digits, p.region)
	if n.valid {
		// 49 171 1234567 in Germany: a country code without its plus, though a
		// number of some village begins with 0491 too.
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
	// A country code without its plus: longer than national numbers are.
	if len(w.digits) >= 10 && w.digits[0] != '0' && (n.status != possible || len(w.digits) >= 11) {
		if i := parsePhone("+"+w.digits, ""); i.valid {
			return i
		}
		if i := p.international(w); i.valid && w.trunk > 0 {
			return i
		}
	}
	// 044 7700 900123: one of the two zeros before a country code was lost.
	if rest := strings.TrimLeft(w.digits, "0"); rest != w.digits {
		if i := parsePhone("+"+rest, ""); i.valid && strings.HasPrefix(rest, p.code) && !p.nanp {
			return i
		}
		if v := parsePhone(rest, p.region); p.nanp && v.valid && n.status != possible {
			return v
		}
	}
	if n.status == possible && w.stripped {
		return number{} // letters were dropped on the way: only a known range will do
	}
	return n
}

// international reads a number written with + or 00.
func (p plan) international(w written) number {
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
	// +44 44 7911 123456: a form and its customer have both put the country's code before
	// it, though a number of some village begins with 0491 too.
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
	// A trunk zero that this plan does not drop by itself: +34 (0)91…, +39 (0)347…
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
	// A plus before a number that has no country code: +020 7946 0958, +650 555 1212.
	if p.region != "" && (n.status != possible || p.nanp && len(d) == 10) {
		if v := parsePhone(w.digits, p.region); v.valid {
			return v
		}
	}
	return n
}

// parsePhone asks the library. digits is digits, or a plus and digits.
func parsePhone(digits, region string) number {
	if len(digits) < 3 || len(digits) > 25 {
		return number{}
	}
	digits = withoutMexicanToken(digits, region)
	var pn phonenumbers.PhoneNumber
	if err := phonenumbers.ParseToNumber(digits, region, &pn); err != nil {
		return number{}
	}
	// "Possible, but only as a local number" lacks its area code.
	if phonenumbers.IsPossibleNumberWithReason(&pn) != phonenumbers.IS_POSSIBLE {
		return number{}
	}
	nsn := phonenumbers.GetNationalSignificantNumber(&pn)
	e164 := strings.TrimPrefix(phonenumbers.Format(&pn, phonenumbers.E164), "+")
	n := number{status: possible, valid: phonenumbers.IsValidNumber(&pn), national: digits[0] != '+', e164: e164, nsn: nsn}
	n.mobile = n.valid && phonenumbers.GetNumberType(&pn) == phonenumbers.MOBILE
	if !n.valid && len(nsn) < 7 {
		return number{} // some plans call nearly any length possible
	}
	return n
}

// Dialled are the digits of an E.164 number as people write them: plus behind a plus, or
// 00; plain without, in the countries (ISO alpha-2) that share its code as they dial it.
func Dialled(e164 string, countries []string) (plus, plain []string) {
	plus, plain = []string{e164}, []string{e164, "011" + e164}
	var pn phonenumbers.PhoneNumber
	if err := phonenumbers.ParseToNumber("+"+e164, "", &pn); err != nil {
		return plus, plain
	}
	code, nsn := int(pn.GetCountryCode()), phonenumbers.GetNationalSignificantNumber(&pn)
	plus = append(plus, strconv.Itoa(code)+"0"+nsn) // +49 (0)171
	for _, c := range countries {
		c = strings.ToUpper(c)
		if phonenumbers.GetCountryCodeForRegion(c) != code {
			continue
		}
		for _, trunk := range []string{"", phonenumbers.GetNddPrefixForRegion(c, true)} {
			if d := trunk + nsn; !slices.Contains(plain, d) {
				plain = append(plain, d)
			}
		}
	}
	return plus, plain
}

// withoutMexicanToken drops what Mexico abolished in 2019 and 2020, still in
// every address book: the mobile token 1 after +52, and the prefixes 01, 044
// and 045. The library has forgotten them.
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

// fillerDigits is how many times a number ends in one digit only where somebody fills a
// field: 0151 11111111, 0170 00000000.
const fillerDigits = 8

// placeholderNumber reports a number typed so that the field is not empty: one
// digit throughout or at the end, or a run such as 1234567890 that the plan does not know.
func placeholderNumber(n number) bool {
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
