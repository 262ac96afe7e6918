package fold

import (
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
	var room [64]byte
	out := append(room[:0], s...)
	for i := 0; i < len(out); i++ {
		c := out[i]
		switch {
		case 'A' <= c && c <= 'Z':
			out[i] = c + 'a' - 'A'
			continue
		case c < utf8.RuneSelf:
			continue
		case c < 0xc3 || c > 0xc5 || i+1 == len(out) || out[i+1]&0xc0 != 0x80:
			return "", false
		}
		r := rune(c&0x1f)<<6 | rune(out[i+1]&0x3f)
		if r == 'İ' {
			return "", false
		}
		if small := unicode.ToLower(r); small != r {
			if small < 0x80 || small > 0x17f {
				return "", false
			}
			utf8.EncodeRune(out[i:i+2], small)
		}
		i++
	}
	return string(out), true
}
