package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsPlainLatin reports that s is printable ASCII and letters with the accents
// of Latin alphabets, each one rune: nothing that clean would change but the
// spaces around it, and nothing that can be UTF-8 read as Windows-1252.
func IsPlainLatin(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			continue
		}
		if c < 0xc3 || c > 0xc5 || i+1 == len(s) || s[i+1]&0xc0 != 0x80 {
			return false
		}
		i++
		switch r := rune(c&0x1f)<<6 | rune(s[i]&0x3f); r {
		case '×', '÷': // no letters
			return false
		case 'Ĳ', 'ĳ', 'Ŀ', 'ŀ', 'ŉ', 'ſ': // NFKC takes them apart
			return false
		case 'Œ', 'œ', 'Š', 'š', 'Ÿ', 'Ž', 'ž': // in Windows-1252 they may be the second byte of a rune
			return false
		}
	}
	return true
}

// lowerLatin is lower of text below U+0180, but for İ, which becomes two runes.
func lowerLatin(s string) (string, bool) {
	for i := range len(s) {
		if c := s[i]; c > 0xc5 || c == 0xc2 {
			return "", false
		}
	}
	if strings.ContainsRune(s, 'İ') || !utf8.ValidString(s) {
		return "", false
	}
	return strings.Map(unicode.ToLower, s), true
}
