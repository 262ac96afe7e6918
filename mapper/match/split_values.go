package match

import (
	"regexp"
	"slices"
	"strings"

	"relay/mapper/fold"
)

// maxSeveral is the longest text, in bytes, that is searched for several values.
const maxSeveral = 400

// SplitValues splits a text that holds several values: "ada@x.example; bob@x.example", "+1 … +1
// …", "415-555-2671 or 2672". It returns nil if there is at most one, and for keys other than
// e-mail and phone.
func SplitValues(k Key, raw string, l Locale) []string {
	if len(raw) > maxSeveral {
		return nil
	}
	switch k {
	case Email:
		if at := strings.IndexByte(raw, '@'); at >= 0 && strings.IndexByte(raw[at+1:], '@') >= 0 {
			return addressesIn(fold.Clean(raw))
		}
	case Phone:
		if maybeSeveralNumbers(raw) {
			return phonesIn(fold.Digits(fold.Clean(lines.Replace(raw))), l)
		}
	}
	return nil
}

// NormaliseAll normalises the values in a text of a key: one, or several next to each other.
func NormaliseAll(k Key, raw string, l Locale) []Value {
	texts := SplitValues(k, raw, l)
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

// addressesIn returns the addresses in a text with several.
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

// twoNumbers is the minimum number of digits of a phone number and the last digits of another.
const twoNumbers = 10

// maybeSeveralNumbers reports whether a text could hold several numbers. Almost no text does.
func maybeSeveralNumbers(s string) bool {
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
	minDialled = 7 // minimum digits of a complete number
	maxTail    = 5 // maximum digits that replace the end of the number before
)

// phonesIn returns the numbers in a text with several. Few digits after a word or slash replace
// the end of the number before them: 2671 or 2672.
func phonesIn(s string, l Locale) []string {
	p := planOf(l)
	var found []string
	var last phoneNumber
	valid := 0
	for _, part := range splitNumbers(s) {
		digits := fold.OnlyDigits(part.text)
		if len(digits) < minDialled {
			if !part.other || digits != part.text || digits == "" || len(digits) > maxTail || !last.valid || len(digits) >= len(last.nsn) {
				continue
			}
			part.text = "+" + last.e164[:len(last.e164)-len(digits)] + digits
		}
		if n := p.resolve(parseWritten(part.text)); n.status == possible && n.valid {
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

// numberPart is a part of a text that could be a phone number. other means that the word or
// slash before it introduces another number.
type numberPart struct {
	text  string
	other bool
}

var numberBreak = regexp.MustCompile(`(?i)\s*(?:[/,;|&]|\b(?:or|and|und|oder|ou|et|o|y|e)\b)\s*`)

// maxNumbers limits the numbers in one text.
const maxNumbers = 8

// splitNumbers splits a text where another number could start.
func splitNumbers(s string) (parts []numberPart) {
	from, other := 0, false
	for _, at := range append(numberBreak.FindAllStringIndex(s, maxNumbers), []int{len(s), len(s)}) {
		for i, text := range splitBeforePlus(s[from:at[0]]) {
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
			return parts // the words are digit groups of one number
		}
	}
	parts = parts[:0]
	for _, w := range words {
		parts = append(parts, numberPart{text: w})
	}
	return parts
}

// splitBeforePlus splits a text before each plus that follows a digit.
func splitBeforePlus(s string) (parts []string) {
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
