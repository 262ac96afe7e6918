package personal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var emailForm = regexp.MustCompile(`[^\s@<>()",;:]+@[^\s@<>()",;:]+\.[\pL]{2,}`)

// HoldsEmail says whether text is, or has in it, an e-mail address; one of a web
// address (%40) or page (&#64;) too.
func HoldsEmail(text string) bool {
	switch {
	case strings.Contains(text, "@"):
	case strings.Contains(text, "%40"), strings.Contains(text, "%2540"), strings.Contains(text, "&#64;"):
		text = strings.NewReplacer("%2540", "@", "%40", "@", "&#64;", "@").Replace(text)
	case strings.Contains(text, "\uff20") || strings.Contains(text, "\ufe6b"):
		text = strings.NewReplacer("\uff20", "@", "\ufe6b", "@").Replace(text)
	default:
		return false
	}
	return emailForm.MatchString(text)
}

// plain is text with the digits, blanks and dashes of ASCII, and nothing that
// nobody sees.
func plain(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Map(plainRune, norm.NFKC.String(text))
		}
	}
	return text
}

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
