package fold

import (
	"unicode"
	"unicode/utf8"
)

// IsPlainLatin reports whether s is printable ASCII and single-rune accented Latin letters.
// Clean changes nothing in such text except surrounding spaces, and it cannot be UTF-8 misread
// as Windows-1252.
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
		case '×', '÷': // not letters
			return false
		case 'Ĳ', 'ĳ', 'Ŀ', 'ŀ', 'ŉ', 'ſ': // NFKC decomposes them
			return false
		case 'Œ', 'œ', 'Š', 'š', 'Ÿ', 'Ž', 'ž': // in Windows-1252 these can be the second byte of a UTF-8 sequence
			return false
		}
	}
	return true
}

// lowerLatin is Lower for text below U+0180. It reports false for other text and for İ, which
// becomes two runes.
func lowerLatin(s string) (string, bool) {
	var buf [64]byte
	out := append(buf[:0], s...)
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
