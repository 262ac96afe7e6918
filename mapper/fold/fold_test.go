package fold

import (
	"strings"
	"testing"
)

// TestPlainLatin checks the shortcuts for Latin text against the general code, for every short
// text of the runes that they handle and of the runes around them.
func TestPlainLatin(t *testing.T) {
	bad := 0
	check := func(s string) {
		if l, ok := lowerLatin(s); ok && l != lowerAny(s) {
			t.Errorf("lowerLatin(%q) = %q, lowerAny gives %q", s, l, lowerAny(s))
			bad++
		}
		if !IsPlainLatin(s) || bad > 20 {
			return
		}
		if got, want := strings.TrimSpace(s), cleanAny(s); got != want {
			t.Errorf("trimmed %q = %q, cleanAny gives %q", s, got, want)
			bad++
		}
	}
	for a := range rune(0x260) {
		check(string(a))
		check(" x" + string(a) + "Y ")
		for b := rune(0x7e); a >= 0xa0 && a < 0x182 && b < 0x182; b++ {
			check(string(a) + string(b))
		}
	}
	for _, s := range []string{"\xc3", "\xc3x", "\xc4\xff", "caf\xc3\xa9", "A\u030a", "Straße", "DŽ", "\u2122", "İstanbul"} {
		check(s)
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"full width", Fold(" Ｊａｎｅ\u200b "), "jane"},
		{"line break becomes a space", Fold("Jane\nDoe"), "jane doe"},
		{"stand-alone accent becomes an apostrophe", Fold("O\u00b4Neil"), "o'neil"},
		{"invalid UTF-8", Fold("a\xffb"), "a\ufffdb"},
		{"Hangul filler", Fold("\u3164"), ""},
		{"digits of another script", Digits("٠١٢ ४५"), "012 45"},
		{"letters only", Letters("Île-de-N.Y."), "iledeny"},
		{"letter with a stroke", Letters("Łódź"), "lodz"},
		{"squashed", Squash("O'Neil, Jr. 3"), "oneiljr3"},
		{"squashed and appended", string(AppendSquash([]byte("x"), "Zoë-1")), "xzoë1"},
		{"squashed ASCII", string(AppendSquash(nil, "A-b 1")), "ab1"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	for word, want := range map[string]int{"märz": 3, "décembre": 12, "января": 1, "smarch": 0} {
		if got, ok := Month(word); got != want || ok != (want > 0) {
			t.Errorf("month of %s: %d", word, got)
		}
	}
}
