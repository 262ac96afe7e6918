package mapper

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// clean is what every value goes through first (docs/contract.md 5.2): NFKC, control
// and zero-width characters out, trimmed. Case is kept; see lower. Line breaks
// and tabs count as spaces. Idempotent.
func clean(raw string) string {
	if isPlainLatin(raw) {
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

func isPlainASCII(s string) bool {
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
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), blank(r):
		return -1
	}
	if d := norm.NFKC.PropertiesString(string(r)).Decomposition(); len(d) > 1 && d[0] == ' ' {
		return '\''
	}
	return r
}

// blank are characters that take no room though Unicode does not file them
// under Cf: fillers, variation selectors, the grapheme joiner, keycap frames.
func blank(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x20E3, 0x2065, 0x2800, 0x3164, 0xFFA0:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xFFF0 && r <= 0xFFF8 || r >= 0xE0000 && r <= 0xE0FFF
}

// lower is Unicode lower case without a language, in NFC. A Caser keeps state
// while it works, so each call makes its own.
func lower(s string) string {
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

// keep returns the runes of s for which ok holds, and the marks that sit on
// them; a mark whose base is gone goes with it.
func keep(s string, ok func(rune) bool) string {
	var b strings.Builder
	on := false
	for i, r := range s {
		take := ok(r)
		if unicode.Is(unicode.M, r) {
			take = on && take
		}
		on = take
		if take && b.Cap() == 0 {
			b.Grow(len(s) - i)
		}
		if take {
			b.WriteRune(r)
		}
	}
	if b.Len() == len(s) {
		return s
	}
	return norm.NFC.String(b.String())
}

// isLetterish holds for letters and marks (Unicode L, M), except letters that
// are apostrophes in all but name (ʻ ʼ) and the Arabic stretching bar: people
// type them for ', or for looks, and the normal form must not depend on it.
func isLetterish(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	switch {
	case r >= 0x02B9 && r <= 0x02BF, r == 0x02C8, r == 0x02CA, r == 0x02CB, r == 0x02EE, r == 0x0640, r == 0xA78B, r == 0xA78C:
		return false
	}
	return unicode.Is(unicode.L, r) || unicode.Is(unicode.M, r)
}

// isWordy holds for letters, marks and digits.
func isWordy(r rune) bool {
	if '0' <= r && r <= '9' {
		return true
	}
	return isLetterish(r) || r >= utf8.RuneSelf && unicode.Is(unicode.N, r)
}

// squash is s in lower case without anything but letters, marks and digits:
// the form in which words are compared.
func squash(s string) string { return keep(lower(s), isWordy) }

// appendSquash appends squash(s) to dst, without a string of its own where s is
// ASCII: most values are only compared with it.
func appendSquash(dst []byte, s string) []byte {
	start := len(dst)
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dst = append(dst, c)
		case c >= utf8.RuneSelf:
			return append(dst[:start], squash(s)...)
		}
	}
	return dst
}

// foldLetters is s reduced to bare letters without accents, for table look-ups
// (Québec → quebec, N.Y. → ny, Île → ile).
func foldLetters(s string) string {
	s = lower(s)
	if isPlainASCII(s) {
		return keep(s, isLetterish)
	}
	s = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ß", "ss", "æ", "ae", "œ", "oe", "ı", "i").Replace(s)
	s = keep(s, isLetterish)
	s = norm.NFD.String(s)
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s))
}

// cleanText is clean for words: HTML entities and broken encoding are undone
// first, while their bytes are still there.
func cleanText(raw string, t *trace) string {
	u := unescape(raw)
	s := u
	if !isPlainLatin(u) {
		s = tradeMarks.Replace(u)
	}
	s = clean(s)
	if u != raw {
		t.add("HTML entities and broken encoding undone", s)
	}
	return s
}

// tradeMarks are symbols that NFKC would turn into letters.
var tradeMarks = strings.NewReplacer("™", "", "℠", "")

// unescape undoes HTML entities (O&#39;Neil) and one layer of UTF-8 read as
// Windows-1252 (MÃ¼ller): both are common in what old tills export, and
// neither ever is how a person or a place is written.
func unescape(s string) string {
	if strings.Contains(s, "&") && strings.Contains(s, ";") {
		s = html.UnescapeString(s)
	}
	if isPlainLatin(s) {
		return s
	}
	return demojibake(s)
}

// cp1252 gives the byte of Windows-1252 for a rune outside Latin-1.
var cp1252 = map[rune]byte{
	'€': 0x80, '‚': 0x82, 'ƒ': 0x83, '„': 0x84, '…': 0x85, '†': 0x86, '‡': 0x87, 'ˆ': 0x88, '‰': 0x89, 'Š': 0x8a, '‹': 0x8b,
	'Œ': 0x8c, 'Ž': 0x8e, '‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '˜': 0x98, '™': 0x99,
	'š': 0x9a, '›': 0x9b, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f,
}

// demojibake undoes UTF-8 that was read as Windows-1252, where what comes out
// is what such mistakes come from: letters of Latin alphabets and typographic
// signs, or a text all in another script. Ó’Briain happens to be UTF-8 too.
func demojibake(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		c, ok := cp1252[r]
		switch {
		case r <= 0xFF:
			b = append(b, byte(r))
		case ok:
			b = append(b, c)
		default:
			return s
		}
	}
	if !utf8.Valid(b) {
		return s
	}
	latin, foreign, ascii := 0, 0, 0
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			if isAlnum(r) {
				ascii++
			}
		case r <= 0x017F, r >= 0x2010 && r <= 0x203A, r == '€':
			latin++
		default:
			foreign++
		}
	}
	if foreign > 0 && (ascii > 0 || foreign < 3) || latin+foreign == 0 {
		return s
	}
	return string(b)
}
