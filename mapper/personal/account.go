package personal

import (
	"net/netip"
	"regexp"
	"strings"

	"relay/mapper/fold"
)

// HoldsIP reports whether text contains an IP address as a word of its own.
func HoldsIP(text string) bool {
	if strings.Count(text, ".") < 3 && strings.Count(text, ":") < 3 {
		return false
	}
	for word := range strings.FieldsFuncSeq(normalise(text), isAddressSeparator) {
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

// isAddressSeparator reports whether r can separate an IP address from the words next to it.
func isAddressSeparator(r rune) bool {
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

// HoldsAccount reports whether text contains a bank account number (an IBAN), or the number of
// a payment card in its printed groups. The check digits must be right.
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
	text = normalise(text)
	if !hasAccountPrefix(text) {
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

// hasAccountPrefix reports whether text contains the start of an IBAN (two letters and two digits) or of
// a grouped card number (four digits, a separator, four digits). Almost no time, id or amount
// does.
func hasAccountPrefix(text string) bool {
	digits, letters := 0, 0 // consecutive ones up to here
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

// isIBAN checks the digits by ISO 7064: with the first four characters moved to the end and
// letters as two digits, the number is 1 modulo 97.
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

// luhn checks the check digit of a card number.
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
