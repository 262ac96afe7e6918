package personal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"relay/mapper/fold"
)

// emailForm is an address, also with blanks or brackets about its @, or with (at).
var emailForm = regexp.MustCompile(`(?i)[^\s@<>()",;:]+(?:@| @ ?|@ |\s?[(\[]\s?(?:@|at)\s?[)\]]\s?)[^\s@<>()",;:]+\.[\pL]{2,}`)

// HoldsEmail says whether text is, or has in it, an e-mail address, in any of its layers
// (fold.Layers): %40, &#64; and Base64 too.
func HoldsEmail(text string) bool {
	for layer := range fold.Layers(text) {
		if HoldsPlainEmail(layer) {
			return true
		}
	}
	return false
}

// HoldsPlainEmail is HoldsEmail for one layer of a text.
func HoldsPlainEmail(text string) bool {
	if !mayHoldEmail(text) {
		return false
	}
	if strings.Contains(text, "\uff20") || strings.Contains(text, "\ufe6b") {
		text = strings.NewReplacer("\uff20", "@", "\ufe6b", "@").Replace(text)
	}
	return (strings.Contains(text, "@") || strings.ContainsAny(text, "([") && strings.Contains(text, ".")) && emailForm.MatchString(text)
}

// MayHoldSomething is false of most texts: they hold neither an e-mail address nor a phone
// number, the number of an account or an IP address, since nothing in them is of one.
func MayHoldSomething(text string) bool {
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

// minAddress is how many digits an IP address has at least, 1.1.1.1, but for those with colons.
const minAddress = 4

// mayHoldEmail is false of most texts: nothing in them is an @, or stands for one as (at) does.
func mayHoldEmail(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@', c == '(', c == '[', c >= utf8.RuneSelf:
			return true
		}
	}
	return false
}

// plain is text with the digits, blanks and dashes of ASCII, and nothing that
// nobody sees.
func plain(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Map(plainRune, longSound.ReplaceAllString(norm.NFKC.String(text), "$1-$2"))
		}
	}
	return text
}

// longSound is of kana, and where the dash is on a Japanese keyboard.
var longSound = regexp.MustCompile(`([0-9)])\x{30fc}([0-9(])`)

func plainRune(r rune) rune {
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

// digit is a decimal digit of any script in ASCII. Unicode lays every ten out
// from zero, and tables them in ranges of tens.
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
