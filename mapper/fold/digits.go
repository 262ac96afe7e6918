package fold

import (
	"strings"
	"unicode"
)

// Digits replaces the decimal digits of every script by 0 to 9. Unicode stores each set of ten
// in order, starting with zero.
func Digits(s string) string {
	if IsPlainASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		zero := r
		for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 && digitBlock(zero-1, r) {
			zero--
		}
		return '0' + (r - zero)
	}, s)
}

// digitBlock reports whether a and r lie in the same block of ten digits.
func digitBlock(a, r rune) bool {
	for _, rg := range unicode.Nd.R16 {
		if lo := rune(rg.Lo); lo <= r && r <= rune(rg.Hi) {
			return a >= lo && (a-lo)/10 == (r-lo)/10
		}
	}
	for _, rg := range unicode.Nd.R32 {
		if lo := rune(rg.Lo); lo <= r && r <= rune(rg.Hi) {
			return a >= lo && (a-lo)/10 == (r-lo)/10
		}
	}
	return false
}

// IsDigits reports whether s consists of 0 to 9 only and is not empty.
func IsDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// OnlyDigits removes everything except 0 to 9 from s.
func OnlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}
