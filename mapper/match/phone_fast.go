package match

import "strings"

// fastPlans are numbering plans in which a number of these lengths that does not start with 0
// has no trunk prefix, carrier code or mobile token: its digits are the E.164 form. A test
// compares each plan with the library.
var fastPlans = []struct {
	code    string
	lengths string // allowed lengths of the national number, one per byte
	first   string // allowed first digits
	regions string // countries that share the country code
}{
	{"1", "\x0a", "23456789", "us ca"},
	{"31", "\x09", "12345678", "nl"},
	{"32", "\x09", "4", "be"},
	{"33", "\x09", "12345679", "fr"},
	{"34", "\x09", "6789", "es"},
	{"41", "\x09", "2345678", "ch"},
	{"44", "\x0a", "127", "gb"},
	{"45", "\x08", "23456789", "dk"},
	{"46", "\x09", "7", "se"},
	{"47", "\x08", "249", "no"},
	{"48", "\x09", "45678", "pl"},
	{"49", "\x0a\x0b", "1", "de"},
	{"61", "\x09", "2478", "au"},
	{"351", "\x09", "29", "pt"},
	{"353", "\x09", "8", "ie"},
}

// fastPhone handles common spellings without the library: +E.164 of a common plan if the
// event's country is unknown or has that plan, and ten or eleven digits with common punctuation
// in the US and Canada. Its answers equal those of normalisePhone. ok is false if that is not
// certain.
func fastPhone(raw string, l Locale) (e164 string, ok bool) {
	var buf [16]byte
	d := buf[:0]
	plus := false
	for i := range len(raw) {
		switch c := raw[i]; {
		case '0' <= c && c <= '9':
			if len(d) == 15 {
				return "", false
			}
			d = append(d, c)
		case c == '+' && i == 0:
			plus = true
		case c == ' ' || c == '-' || c == '.' || c == '(' && !strings.HasPrefix(raw[i:], "(0)") || c == ')':
		default:
			return "", false
		}
	}
	if len(d) < 9 || oddDigits(d) || raw[len(raw)-1] == '0' && len(raw) > 1 && raw[len(raw)-2] == '.' {
		return "", false
	}
	region := l.Effective()
	if !plus {
		if region != "us" && region != "ca" {
			return "", false
		}
		switch {
		case len(d) == 10 && d[0] >= '2':
			return "1" + string(d), true
		case len(d) == 11 && d[0] == '1' && d[1] >= '2':
			return string(d), true
		}
		return "", false
	}
	for _, p := range fastPlans {
		if string(d[:len(p.code)]) == p.code {
			nsn := d[len(p.code):]
			return string(d), strings.IndexByte(p.lengths, byte(len(nsn))) >= 0 && strings.IndexByte(p.first, nsn[0]) >= 0 &&
				(region == "" || strings.Contains(p.regions, region))
		}
	}
	return "", false
}

// oddDigits reports whether digits could be a placeholder: few different digits, a sequence up
// or down, or one digit many times at the end.
func oddDigits(d []byte) bool {
	var seen uint16
	up, down, zeros, same := 0, 0, 0, 1
	for i, c := range d {
		seen |= 1 << (c - '0')
		if i > 0 {
			if (c-'0')%10 == (d[i-1]-'0'+1)%10 {
				up++
			}
			if (c-'0'+1)%10 == (d[i-1]-'0')%10 {
				down++
			}
			if same++; c != d[i-1] {
				same = 1
			}
		}
		if c == '0' {
			zeros++
		} else {
			zeros = 0
		}
	}
	distinct := 0
	for ; seen != 0; seen &= seen - 1 {
		distinct++
	}
	return distinct <= 3 || up >= 6 || down >= 6 || zeros >= 6 || same >= fillerDigits
}
