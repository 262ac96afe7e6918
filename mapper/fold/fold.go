// Package fold normalizes text for comparison, whatever keyboard, file or library it came from:
// cleaned (Clean), in lower case (Lower), without invisible characters, or reduced to letters
// and digits for table look-ups. It reads the digits of every script, the month names of the
// languages that tills use, and text hidden in escapes and encodings (Layers).
//
// All functions are pure and safe for concurrent use. None fails: bytes that are not UTF-8
// become U+FFFD. Clean and Fold are idempotent.
//
// Caution: the hashes that Meta compares are made from these forms. Changing a form changes
// hashes; see mapper.Encoding.
package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Clean is the first step for every value (docs/contract.md 5.2): NFKC, control and zero-width
// characters removed, white space trimmed. Line breaks and tabs become spaces. Case is kept;
// see Lower. Clean is idempotent.
func Clean(raw string) string {
	if IsPlainLatin(raw) {
		return strings.TrimSpace(raw)
	}
	return cleanAny(raw)
}

// cleanAny is Clean without the shortcut for plain text.
func cleanAny(raw string) string {
	s := strings.ToValidUTF8(raw, "\uFFFD")
	s = strings.Map(dropInvisible, s)
	s = norm.NFKC.String(s)
	// NFKC turns some invisible characters (Hangul fillers) into visible ones.
	s = norm.NFKC.String(strings.Map(dropInvisible, s))
	return strings.TrimSpace(s)
}

// IsPlainASCII reports whether s is printable ASCII.
func IsPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// dropInvisible maps a rune for Clean: invisible characters to -1, every white space to a
// space, and a stand-alone accent to the apostrophe it was typed for. NFKC would split ´ into a
// space and a combining acute, which would then attach to the letter before it (O´Neil →
// óneil).
func dropInvisible(r rune) rune {
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
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), IsInvisible(r):
		return -1
	}
	if d := norm.NFKC.PropertiesString(string(r)).Decomposition(); len(d) > 1 && d[0] == ' ' {
		return '\''
	}
	return r
}

// IsInvisible reports whether r takes no space although Unicode does not list it under Cf:
// fillers, variation selectors, the grapheme joiner, keycap frames.
func IsInvisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x20E3, 0x2065, 0x2800, 0x3164, 0xFFA0:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xFFF0 && r <= 0xFFF8 || r >= 0xE0000 && r <= 0xE0FFF
}

// Lower converts s to Unicode lower case, independent of language, in NFC. A cases.Caser has
// state, so each call creates its own.
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

// lowerAny is Lower without the shortcut for Latin text.
func lowerAny(s string) string {
	return norm.NFC.String(cases.Lower(language.Und).String(s))
}

// Keep returns the runes of s for which ok holds, with their combining marks. A mark is dropped
// together with its base.
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
		case all && take: // most texts lose nothing
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

// IsLetterish reports whether r is a letter or mark (Unicode L, M). It excludes letters that
// people type as apostrophes (ʻ ʼ) or for looks (the Arabic stretching bar): the normal form
// must not depend on them.
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

// IsWordy reports whether r is a letter, mark or digit.
func IsWordy(r rune) bool {
	if '0' <= r && r <= '9' {
		return true
	}
	return IsLetterish(r) || r >= utf8.RuneSelf && unicode.Is(unicode.N, r)
}

// Squash returns s in lower case, reduced to letters, marks and digits. Words are compared in
// this form.
func Squash(s string) string { return Keep(Lower(s), IsWordy) }

// AppendSquash appends Squash(s) to dst. It allocates no string when s is ASCII.
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

// undecomposable replaces letters that Unicode does not decompose.
var undecomposable = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ß", "ss", "æ", "ae", "œ", "oe", "ı", "i")

func isSmallASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// Letters reduces s to letters without accents, for table look-ups (Québec → quebec, N.Y. → ny,
// Île → ile).
func Letters(s string) string {
	if isSmallASCII(s) {
		return s
	}
	s = Lower(s)
	if IsPlainASCII(s) {
		return Keep(s, IsLetterish)
	}
	s = undecomposable.Replace(s)
	s = Keep(s, IsLetterish)
	s = norm.NFD.String(s)
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s))
}

// Fold returns text as match keys are compared: cleaned, full-width and similar letters as
// plain ones, in lower case, trimmed (docs/contract.md 5.2).
func Fold(s string) string {
	if plain, ok := foldASCII(s); ok {
		return plain
	}
	return Lower(Clean(s))
}

// foldASCII is Fold for printable ASCII. It reports false for other text.
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
