package personal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"relay/mapper/fold"
)

// emailForm matches an e-mail address, also with blanks or brackets around its @, or with (at).
var emailForm = regexp.MustCompile(`(?i)[^\s@<>()",;:]+(?:@| @ ?|@ |\s?[(\[]\s?(?:@|at)\s?[)\]]\s?)[^\s@<>()",;:]+\.[\pL]{2,}`)

// HoldsEmail reports whether text contains an e-mail address in any of its layers
// (fold.Layers), such as %40, &#64; and Base64.
func HoldsEmail(text string) bool {
	for layer := range fold.Layers(text) {
		if HoldsEmailInLayer(layer) {
			return true
		}
	}
	return false
}

// HoldsEmailInLayer is HoldsEmail for a single layer.
func HoldsEmailInLayer(text string) bool {
	if !mightHoldEmail(text) {
		return false
	}
	if strings.Contains(text, "\uff20") || strings.Contains(text, "\ufe6b") {
		text = strings.NewReplacer("\uff20", "@", "\ufe6b", "@").Replace(text)
	}
	return (strings.Contains(text, "@") || strings.ContainsAny(text, "([") && strings.Contains(text, ".")) && emailForm.MatchString(text)
}

// MightBePersonal is a quick check. If it returns false, as for most texts, the text contains no
// e-mail address, phone number, account number or IP address.
func MightBePersonal(text string) bool {
	digits, colons := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= utf8.RuneSelf, c == '@', c == '(', c == '[':
			return true
		case isDigit(c):
			digits++
		case c == ':':
			colons++
		}
	}
	return digits >= minAddress || colons > 1
}

// minAddress is the minimum number of digits in an IPv4 address: 1.1.1.1.
const minAddress = 4

// mightHoldEmail is a quick check. It returns false for most texts, which contain neither an @
// nor a substitute such as (at).
func mightHoldEmail(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@', c == '(', c == '[', c >= utf8.RuneSelf:
			return true
		}
	}
	return false
}

// normalise returns text with ASCII digits, blanks and dashes, and without invisible characters.
func normalise(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Map(normaliseRune, longSound.ReplaceAllString(norm.NFKC.String(text), "$1-$2"))
		}
	}
	return text
}

// longSound matches the kana mark ー used as a dash: it is on the key of the dash on Japanese
// keyboards.
var longSound = regexp.MustCompile(`([0-9)])\x{30fc}([0-9(])`)

func normaliseRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.Is(unicode.Pd, r), r == 0x2212:
		return '-'
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Nd, r):
		return digit(r)
	}
	return r
}

// digit returns a decimal digit of any script as ASCII. Unicode stores every ten digits in
// order from zero.
func digit(r rune) rune {
	for _, x := range unicode.Nd.R16 {
		if lo := rune(x.Lo); lo <= r && r <= rune(x.Hi) {
			return '0' + (r-lo)%10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if lo := rune(x.Lo); lo <= r && r <= rune(x.Hi) {
			return '0' + (r-lo)%10
		}
	}
	return r
}
