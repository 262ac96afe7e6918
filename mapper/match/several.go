package match

import (
	"regexp"
	"slices"
	"strings"

	"relay/mapper/fold"
)

// maxSeveral is the longest text, in bytes, that several values are looked for in.
const maxSeveral = 400

// Several gives the texts of the values that one text holds beside each other:
// "ada@x.example; bob@x.example", "+1 … +1 …", "415-555-2671 or 2672". nil when it
// holds one, or none, and for keys other than e-mail and phone.
func Several(k Key, raw string, l Locale) []string {
	if len(raw) > maxSeveral {
		return nil
	}
	switch k {
	case Email:
		if at := strings.IndexByte(raw, '@'); at >= 0 && strings.IndexByte(raw[at+1:], '@') >= 0 {
			return addressesIn(fold.Clean(raw))
		}
	case Phone:
		if mayBeNumbers(raw) {
			return phonesIn(fold.Digits(fold.Clean(lines.Replace(raw))), l)
		}
	}
	return nil
}

// Values are what a text of a key became: one value, or those it holds beside each
// other.
func Values(k Key, raw string, l Locale) []Value {
	texts := Several(k, raw, l)
	if texts == nil {
		texts = []string{raw}
	}
	out := make([]Value, len(texts))
	for i, text := range texts {
		out[i] = Normalise(k, text, l, nil)
	}
	return out
}

var addressForm = regexp.MustCompile(`[^\s,;|<>()"\[\]:@]+@[\pL\pN._-]+`)

// addressesIn finds the addresses of a text with several.
func addressesIn(s string) (found []string) {
	for _, at := range addressForm.FindAllStringIndex(s, -1) {
		if at[1] < len(s) && s[at[1]] == '@' {
			return nil // a@b@c
		}
		if a := strings.Trim(s[at[0]:at[1]], "/&'.-"); strings.IndexByte(a, '@') > 0 && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	if len(found) < 2 {
		return nil
	}
	return found
}

var lines = strings.NewReplacer("\r\n", ";", "\n", ";", "\r", ";", "\t", ";")

// twoNumbers is how many digits a number and the end of another have.
const twoNumbers = 10

// mayBeNumbers says whether a text may hold several numbers: nearly none does.
func mayBeNumbers(s string) bool {
	digits, breaks := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c >= 0x80:
			digits++
		case c == '+':
			breaks = breaks || digits > 0
		case c == '/', c == ',', c == ';', c == '|', c == '&', c < ' ', c|0x20 >= 'a' && c|0x20 <= 'z':
			breaks = true
		}
	}
	return digits >= twoNumbers && (breaks || digits >= 2*minDialled)
}

const (
	minDialled = 7 // digits of a number that is dialled as it is
	maxTail    = 5 // digits that stand for the end of the number before
)

// phonesIn finds the numbers of a text with several. One of few digits behind a word
// or a slash takes the place of the end of the number before it: 2671 or 2672.
func phonesIn(s string, l Locale) []string {
	p := planOf(l)
	var found []string
	var last number
	valid := 0
	for _, part := range numbersIn(s) {
		digits := fold.OnlyDigits(part.text)
		if len(digits) < minDialled {
			if !part.other || digits != part.text || digits == "" || len(digits) > maxTail || !last.valid || len(digits) >= len(last.nsn) {
				continue
			}
			part.text = "+" + last.e164[:len(last.e164)-len(digits)] + digits
		}
		if n := p.resolve(readPhone(part.text)); n.status == possible && n.valid {
			last = n
			valid++
		}
		found = append(found, part.text)
	}
	if valid < 2 {
		return nil
	}
	return found
}

// numberPart is a piece of a text that may be a number. other: a word or a slash
// before it says that it is another one.
type numberPart struct {
	text  string
	other bool
}

var numberBreak = regexp.MustCompile(`(?i)\s*(?:[/,;|&]|\b(?:or|and|und|oder|ou|et|o|y|e)\b)\s*`)

// maxNumbers bounds the numbers of one text.
const maxNumbers = 8

// numbersIn takes a text apart where another number may begin.
func numbersIn(s string) (parts []numberPart) {
	from, other := 0, false
	for _, at := range append(numberBreak.FindAllStringIndex(s, maxNumbers), []int{len(s), len(s)}) {
		for i, text := range beforePlus(s[from:at[0]]) {
			parts = append(parts, numberPart{text, other && i == 0})
		}
		from, other = at[1], !strings.ContainsAny(s[at[0]:at[1]], ",;|")
	}
	if len(parts) != 1 {
		return parts
	}
	words := strings.Fields(s)
	for _, w := range words {
		if len(fold.OnlyDigits(w)) < minDialled {
			return parts // the words are groups of one number
		}
	}
	parts = parts[:0]
	for _, w := range words {
		parts = append(parts, numberPart{text: w})
	}
	return parts
}

// beforePlus takes a text apart before each plus that stands behind a digit.
func beforePlus(s string) (parts []string) {
	for {
		at := -1
		if first := strings.IndexAny(s, "0123456789"); first >= 0 {
			at = strings.IndexByte(s[first:], '+')
			if at >= 0 {
				at += first
			}
		}
		if at < 0 {
			return append(parts, strings.TrimSpace(s))
		}
		parts = append(parts, strings.TrimSpace(s[:at]))
		s = s[at:]
	}
}
