package personal

import (
	"net/netip"
	"regexp"
	"strings"

	"relay/mapper/fold"
)

// HoldsIP says whether an IP address stands in text, as a word of its own.
func HoldsIP(text string) bool {
	if strings.Count(text, ".") < 3 && strings.Count(text, ":") < 3 {
		return false
	}
	for word := range strings.FieldsFuncSeq(plain(text), besideAddress) {
		word = strings.TrimRight(word, ".")
		switch {
		case strings.Count(word, ".") == 3:
			word, _, _ = strings.Cut(word, ":") // a port
		case strings.Count(word, ":") < 3:
			continue
		}
		if _, err := netip.ParseAddr(word); err == nil {
			return true
		}
	}
	return false
}

// besideAddress is what an IP address is parted from the words beside it by.
func besideAddress(r rune) bool {
	switch r {
	case ' ', '\t', '\r', '\n', ',', ';', '(', ')', '[', ']', '<', '>', '"', '\'', '=', '/':
		return true
	}
	return false
}

var (
	ibanForm = regexp.MustCompile(`(?i)\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
	cardForm = regexp.MustCompile(`\b(?:[2-6][0-9]{3}([ -])[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5})\b`)
)

// HoldsAccount says whether the number of a bank account (an IBAN) or of a payment card,
// in the groups that are printed on it, stands in text; each with its check digits right.
func HoldsAccount(text string) bool {
	digits := 0
	for i := range len(text) {
		if '0' <= text[i] && text[i] <= '9' {
			digits++
		}
	}
	if digits < 10 {
		return false
	}
	text = plain(text)
	if !begins(text) {
		return false
	}
	for _, found := range ibanForm.FindAllString(text, -1) {
		if isIBAN(strings.ToUpper(strings.ReplaceAll(found, " ", ""))) {
			return true
		}
	}
	for _, found := range cardForm.FindAllString(text, -1) {
		if luhn(strings.NewReplacer(" ", "", "-", "").Replace(found)) {
			return true
		}
	}
	return false
}

// begins says whether what an IBAN or a card in its groups begins with stands in text: two
// letters and two digits, or four digits and what divides them from the next group. Of
// times, ids and amounts almost none has either.
func begins(text string) bool {
	digits, letters := 0, 0 // in a row up to here
	for i := range len(text) {
		switch b := text[i]; {
		case '0' <= b && b <= '9':
			if digits++; digits == 2 && letters == 2 {
				return true
			}
			continue
		case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z':
			if digits > 0 {
				letters = 0
			}
			letters, digits = letters+1, 0
			continue
		case digits == 4 && (b == ' ' || b == '-') && i+4 < len(text) && fold.IsDigits(text[i+1:i+5]):
			return true
		}
		digits, letters = 0, 0
	}
	return false
}

// isIBAN applies ISO 7064: the number with its first four characters behind is 1
// modulo 97, a letter being two digits.
func isIBAN(s string) bool {
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

// luhn is the check of card numbers.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
