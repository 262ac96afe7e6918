package match

import (
	"regexp"
	"strings"

	"relay/mapper/fold"
)

// zipFormat describes the postcodes of a country that consist only of digits.
type zipFormat struct {
	digits int // the number of digits
	fewest int // the fewest digits that can remain when leading zeros are lost; 0 if no code starts with zero
	other  int // another number of digits in use, or 0
}

// digitZips maps countries to their formats. docs/contract.md requires restoring lost zeros for
// US, DE and FR; they get lost in every country whose codes start with zero and have a fixed
// length.
var digitZips = map[string]zipFormat{
	"de": {5, 4, 0}, "fr": {5, 4, 0}, "mc": {5, 0, 0}, "it": {5, 3, 0}, "sm": {5, 0, 0}, "va": {5, 3, 0}, "es": {5, 4, 0},
	"at": {4, 0, 0}, "ch": {4, 0, 0}, "li": {4, 0, 0}, "be": {4, 0, 0}, "lu": {4, 0, 0}, "dk": {4, 3, 0}, "no": {4, 3, 0}, "gl": {4, 0, 0}, "fo": {3, 0, 0}, "is": {3, 0, 0},
	"se": {5, 0, 0}, "fi": {5, 3, 0}, "pl": {5, 3, 0}, "pt": {7, 0, 4}, "cz": {5, 0, 0}, "sk": {5, 4, 0}, "hu": {4, 0, 0}, "ro": {6, 5, 0}, "bg": {4, 0, 0}, "gr": {5, 0, 0},
	"hr": {5, 0, 0}, "si": {4, 0, 0}, "ee": {5, 0, 0}, "lv": {4, 0, 0}, "lt": {5, 4, 0}, "rs": {5, 0, 6}, "ba": {5, 0, 0}, "mk": {4, 0, 0}, "me": {5, 0, 0}, "al": {4, 0, 0},
	"ua": {5, 4, 0}, "by": {6, 0, 0}, "md": {4, 0, 0}, "ru": {6, 0, 0}, "kz": {6, 5, 0}, "ge": {4, 3, 0}, "am": {4, 3, 0}, "cy": {4, 0, 0}, "tr": {5, 4, 0},
	"gp": {5, 0, 0}, "mq": {5, 0, 0}, "gf": {5, 0, 0}, "re": {5, 0, 0}, "yt": {5, 0, 0}, "pm": {5, 0, 0}, "bl": {5, 0, 0}, "mf": {5, 0, 0}, "nc": {5, 0, 0}, "pf": {5, 0, 0},
	"au": {4, 3, 0}, "nz": {4, 3, 0}, "za": {4, 2, 0}, "jp": {7, 6, 0}, "kr": {5, 4, 6}, "cn": {6, 5, 0}, "in": {6, 0, 0}, "sg": {6, 5, 0}, "my": {5, 4, 0}, "th": {5, 0, 0},
	"id": {5, 0, 0}, "ph": {4, 3, 0}, "vn": {5, 0, 6}, "tw": {5, 0, 6}, "il": {7, 0, 5}, "sa": {5, 0, 9}, "eg": {5, 0, 7}, "ma": {5, 0, 0}, "dz": {5, 4, 0}, "tn": {4, 0, 0},
	"mx": {5, 4, 0}, "br": {8, 7, 0}, "co": {6, 5, 0}, "cl": {7, 0, 0}, "pe": {5, 4, 0}, "ec": {6, 5, 0}, "uy": {5, 0, 0}, "cr": {5, 0, 0}, "gt": {5, 4, 0}, "do": {5, 0, 0},
	"pk": {5, 0, 0}, "bd": {4, 0, 0}, "lk": {5, 0, 0}, "np": {5, 0, 0}, "kw": {5, 0, 0}, "jo": {5, 0, 0}, "ke": {5, 0, 0}, "ng": {6, 0, 0},
}

// normalise returns the digits of a code, which a town or Cedex can follow, or "".
func (z zipFormat) normalise(s string) string {
	if i := strings.IndexAny(s, "abcdefghijklmnopqrstuvwxyz"); i > 0 {
		if !strings.ContainsAny(s[i-1:i], " ,") {
			return ""
		}
		s = s[:i]
	}
	for _, r := range s {
		if !('0' <= r && r <= '9') && !strings.ContainsRune(" -–.,", r) {
			return ""
		}
	}
	d := fold.OnlyDigits(s)
	switch n := len(d); {
	case n == z.digits, n == z.other && n > 0:
		return d
	case z.fewest > 0 && n >= z.fewest && n < z.digits && d[0] != '0':
		return strings.Repeat("0", z.digits-n) + d
	}
	return ""
}

var usWords = wordSet("us usa united states america")

// usZip returns five digits. It reads ZIP+4, nine digits in a row, three or four digits whose
// leading zeros are lost, and a state in front.
func usZip(s string) string {
	var b strings.Builder
	for w := range strings.FieldsSeq(strings.NewReplacer("–", "-", "+", "-", ",", " ").Replace(s)) {
		if letters := strings.Trim(w, "-."); letters != "" && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") == "" {
			if stateOf(letters) == "" && !usWords[letters] {
				return ""
			}
			continue
		}
		if i := strings.IndexByte(w, '-'); i > 0 && stateOf(w[:i]) != "" || i > 0 && usWords[w[:i]] {
			w = w[i+1:] // CA-94105
		} else if len(w) > 5 && stateOf(w[:2]) != "" {
			w = w[2:] // CA94105
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	z := b.String()
	if strings.Trim(z, "0123456789- ") != "" {
		return ""
	}
	z = strings.Trim(z, "- ")
	d := fold.OnlyDigits(z)
	if head, tail, ok := strings.Cut(strings.ReplaceAll(z, " ", "-"), "-"); ok && (len(d) != 5 || len(head) == 4 && strings.Contains(z, "-")) {
		tail = strings.Trim(tail, "-")
		if len(head) < 3 || len(head) > 5 || len(tail) > 4 || strings.Contains(tail, "-") {
			return ""
		}
		d = head
	}
	switch len(d) {
	case 3, 4:
		return strings.Repeat("0", 5-len(d)) + d
	case 5:
		return d
	case 7, 8:
		return (strings.Repeat("0", 9-len(d)) + d)[:5]
	case 9:
		return d[:5]
	}
	return ""
}

var (
	canadian     = regexp.MustCompile(`^[abceghjklmnprstvxy]\d[abceghjklmnprstvwxyz](?:\d[abceghjklmnprstvwxyz]\d)?$`)
	britishFull  = regexp.MustCompile(`^(?:gir0aa|[a-z]{1,2}\d[a-z\d]?\d[a-z]{2})$`)
	britishShort = regexp.MustCompile(`^[a-z]{1,2}\d[a-z\d]?\d?$`)
	dutch        = regexp.MustCompile(`^[1-9]\d{3}(?:[a-z]{2})?$`)
	irish        = regexp.MustCompile(`^(?:[ac-fhknprtv-y]\d[\dw])(?:[0-9ac-fhknprtv-y]{4})?$`)
)

// canadianZip reads A1A 1A1. It corrects the letters O and I in the place of a digit; Canada
// uses neither.
func canadianZip(v string) string {
	b := []byte(v)
	for i := 1; i < len(b) && len(b)%3 == 0; i += 2 {
		switch b[i] {
		case 'o':
			b[i] = '0'
		case 'i', 'l':
			b[i] = '1'
		}
	}
	if v = string(b); canadian.MatchString(v) {
		return v
	}
	return ""
}

// britishZip reads a full postcode, or the area, district and sector that Meta's documentation
// asks for. It removes a country in front.
func britishZip(v string) string {
	for _, prefix := range []string{"gb", "uk"} {
		if rest, ok := strings.CutPrefix(v, prefix); ok && britishFull.MatchString(rest) {
			return rest
		}
	}
	if n := len(v); n >= 5 && n <= 7 && v[n-3] == 'o' {
		v = v[:n-3] + "0" + v[n-2:]
	}
	if britishFull.MatchString(v) || britishShort.MatchString(v) {
		return v
	}
	return ""
}

// dutchZip reads 1234 AB and drops a town after it.
func dutchZip(s string) string {
	v := fold.Squash(s)
	if !dutch.MatchString(v) && len(v) > 6 && isZipAlphabet(v[:6]) {
		if f := strings.Fields(s); len(f) >= 2 && len(f[0]) == 4 && len(f[1]) == 2 {
			v = f[0] + f[1]
		} else if len(f) >= 2 && len(f[0]) == 6 {
			v = f[0]
		}
	}
	if dutch.MatchString(v) {
		return v
	}
	return ""
}

// zipPrefixes are the country prefixes that Europeans write before a postcode: vehicle codes
// and ISO codes.
var zipPrefixes = map[string]string{
	"d": "de", "f": "fr", "l": "lu", "a": "at", "b": "be", "i": "it", "e": "es", "p": "pt", "s": "se", "n": "no", "h": "hu",
	"de": "de", "fr": "fr", "lu": "lu", "at": "at", "be": "be", "it": "it", "es": "es", "pt": "pt", "se": "se", "no": "no", "hu": "hu",
	"ch": "ch", "nl": "nl", "dk": "dk", "fi": "fi", "fin": "fi", "pl": "pl", "cz": "cz", "sk": "sk", "si": "si", "slo": "si", "hr": "hr", "ro": "ro", "bg": "bg",
	"gr": "gr", "ee": "ee", "est": "ee", "lv": "lv", "lt": "lt", "fl": "li", "li": "li", "mc": "mc", "us": "us", "usa": "us", "is": "is", "rs": "rs", "srb": "rs",
	"ua": "ua", "ru": "ru", "tr": "tr", "jp": "jp", "kr": "kr", "cn": "cn", "mx": "mx", "br": "br", "au": "au", "nz": "nz", "il": "il", "cy": "cy", "mk": "mk", "md": "md",
}
