package match

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"relay/mapper/fold"
)

// cleanText is clean for words: HTML entities and broken encoding are undone
// first, while their bytes are still there.
func cleanText(raw string, t *Trace) string {
	u := unescape(raw)
	s := u
	if !fold.IsPlainLatin(u) {
		s = tradeMarks.Replace(u)
	}
	s = fold.Clean(s)
	if u != raw {
		t.add("HTML entities and broken encoding undone", s)
	}
	return s
}

// whyLostLetter is said of a name or a place with a question mark: M?ller, Ren?. A program
// wrote it for a letter that its encoding lacks, and the hash of the rest is somebody else's.
const whyLostLetter = "holds a question mark, as programs write for a letter that they cannot"

// tradeMarks are symbols that NFKC would turn into letters.
var tradeMarks = strings.NewReplacer("™", "", "℠", "")

// unescape undoes HTML entities (O&#39;Neil), the escapes of JSON (M\u00fcller) and of
// addresses of pages (M%C3%BCller), and one layer of UTF-8 read as Windows-1252
// (MÃ¼ller): all are common in what old tills export, and none ever is how a person or
// a place is written.
func unescape(s string) string {
	if strings.Contains(s, "&") && strings.Contains(s, ";") {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, `\u`) {
		if u, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`); err == nil {
			s = u
		}
	}
	if strings.Contains(s, "%") {
		if u, err := url.PathUnescape(s); err == nil && utf8.ValidString(u) {
			s = u
		}
	}
	if fold.IsPlainLatin(s) {
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
