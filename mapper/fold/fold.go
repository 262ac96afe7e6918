// Package fold gives text the forms in which relay compares it, whatever keyboard,
// file or library it came from: cleaned (Clean), in lower case (Lower), without
// what nobody sees; and bare letters and digits for look-ups in tables. It knows
// the digits of every script, and the months in the languages that tills write.
//
// It is pure, and every function may be called from many goroutines. None of them
// ever fails: bytes that are not UTF-8 become U+FFFD. Clean and Fold of their own
// result change nothing. The hashes that Meta compares are made of these forms: a
// change of one of them changes hashes (mapper.Encoding).
package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Clean is what every value goes through first (docs/contract.md 5.2): NFKC, control
// and zero-width characters out, trimmed. Case is kept; see Lower. Line breaks
// and tabs count as spaces. Idempotent.
func Clean(raw string) string {
	if IsPlainLatin(raw) {
		return strings.TrimSpace(raw)
	}
	return cleanAny(raw)
}

// cleanAny is clean for whatever may come.
func cleanAny(raw string) string {
	s := strings.ToValidUTF8(raw, "\uFFFD")
	s = strings.Map(visible, s)
	s = norm.NFKC.String(s)
	// NFKC makes a few blanks visible again (Hangul fillers).
	s = norm.NFKC.String(strings.Map(visible, s))
	return strings.TrimSpace(s)
}

// IsPlainASCII says whether s is printable ASCII.
func IsPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// visible drops what nobody sees, turns every white space into a space, and
// turns an accent standing alone into the apostrophe it is typed for: NFKC
// would split ´ into a space and a combining acute, which then lands on the
// letter before it (O´Neil → óneil).
func visible(r rune) rune {
	switch {
	case r < 0x80:
		if r >= 0x20 && r != 0x7f {
			return r
		}
		if r >= '\t' && r <= '\r' {
			return ' '
		}
		return -1
	case unicode.IsSpace(r), r == 0x2028, r == 0x2029:
		return ' '
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), Blank(r):
		return -1
	}
	if d := norm.NFKC.PropertiesString(string(r)).Decomposition(); len(d) > 1 && d[0] == ' ' {
		return '\''
	}
	return r
}

// Blank are characters that take no room though Unicode does not file them
// under Cf: fillers, variation selectors, the grapheme joiner, keycap frames.
func Blank(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x20E3, 0x2065, 0x2800, 0x3164, 0xFFA0:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xFFF0 && r <= 0xFFF8 || r >= 0xE0000 && r <= 0xE0FFF
}

// Lower is Unicode lower case without a language, in NFC. A Caser keeps state
// while it works, so each call makes its own.
func Lower(s string) string {
	ascii, upper := true, false
	for i := range len(s) {
		c := s[i]
		ascii = ascii && c < utf8.RuneSelf
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if ascii {
		if !upper {
			return s
		}
		return strings.ToLower(s)
	}
	if l, ok := lowerLatin(s); ok {
		return l
	}
	return lowerAny(s)
}

// lowerAny is lower for whatever may come.
func lowerAny(s string) string {
	return norm.NFC.String(cases.Lower(language.Und).String(s))
}

// Keep returns the runes of s for which ok holds, and the marks that sit on
// them; a mark whose base is gone goes with it.
func Keep(s string, ok func(rune) bool) string {
	var b strings.Builder
	all, on := true, false
	for i, r := range s {
		take := ok(r)
		if r >= utf8.RuneSelf && unicode.Is(unicode.M, r) {
			take = on && take
		}
		on = take
		switch {
		case all && take: // of most texts nothing goes
		case all:
			all = false
			b.Grow(len(s))
			b.WriteString(s[:i])
		case take:
			b.WriteRune(r)
		}
	}
	if all {
		return s
	}
	return norm.NFC.String(b.String())
}

// IsLetterish holds for letters and marks (Unicode L, M), except letters that
// are apostrophes in all but name (ʻ ʼ) and the Arabic stretching bar: people
// type them for ', or for looks, and the normal form must not depend on it.
func IsLetterish(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	switch {
	case r >= 0x02B9 && r <= 0x02BF, r == 0x02C8, r == 0x02CA, r == 0x02CB, r == 0x02EE, r == 0x0640, r == 0xA78B, r == 0xA78C:
		return false
	}
	return unicode.Is(unicode.L, r) || unicode.Is(unicode.M, r)
}

// IsWordy holds for letters, marks and digits.
func IsWordy(r rune) bool {
	if '0' <= r && r <= '9' {
		return true
	}
	return IsLetterish(r) || r >= utf8.RuneSelf && unicode.Is(unicode.N, r)
}

// Squash is s in lower case without anything but letters, marks and digits:
// the form in which words are compared.
func Squash(s string) string { return Keep(Lower(s), IsWordy) }

// AppendSquash appends Squash(s) to dst, without a string of its own where s is
// ASCII: most values are only compared with it.
func AppendSquash(dst []byte, s string) []byte {
	start := len(dst)
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dst = append(dst, c)
		case c >= utf8.RuneSelf:
			return append(dst[:start], Squash(s)...)
		}
	}
	return dst
}

// strokes are letters that Unicode does not take apart.
var strokes = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ß", "ss", "æ", "ae", "œ", "oe", "ı", "i")

func isSmallASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// Letters is s reduced to bare letters without accents, for table look-ups
// (Québec → quebec, N.Y. → ny, Île → ile).
func Letters(s string) string {
	if isSmallASCII(s) {
		return s
	}
	s = Lower(s)
	if IsPlainASCII(s) {
		return Keep(s, IsLetterish)
	}
	s = strokes.Replace(s)
	s = Keep(s, IsLetterish)
	s = norm.NFD.String(s)
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s))
}

// Fold is text as match keys are compared: what nobody sees is out, full-width
// letters and their like are plain ones, in lower case, trimmed (docs/contract.md 5.2).
func Fold(s string) string {
	if plain, ok := foldASCII(s); ok {
		return plain
	}
	return Lower(Clean(s))
}

// foldASCII is Fold of printable ASCII, in one look at it.
func foldASCII(s string) (string, bool) {
	upper := false
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c > 0x7e {
			return "", false
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if s = strings.Trim(s, " "); upper {
		s = strings.ToLower(s)
	}
	return s, true
}
