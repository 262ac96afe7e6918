package match

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"relay/mapper/fold"
)

// cleanText is fold.Clean for names and places. It first decodes escapes and repairs broken
// encoding, for which the original bytes are needed.
func cleanText(raw string, t *Trace) string {
	u := unescape(raw)
	s := u
	if !fold.IsPlainLatin(u) {
		s = tradeMarks.Replace(u)
	}
	s = fold.Clean(s)
	if u != raw {
		t.add("HTML entities and broken encoding repaired", s)
	}
	return s
}

// whyQuestionMark rejects a name or place with a question mark: M?ller, Ren?. A program wrote
// it for a letter missing in its encoding, and the hash of the rest belongs to another name.
const whyQuestionMark = "contains a question mark in place of a letter that a program could not encode"

// tradeMarks removes symbols that NFKC would turn into letters.
var tradeMarks = strings.NewReplacer("™", "", "℠", "")

// unescape decodes HTML entities (O&#39;Neil), JSON escapes (M\u00fcller) and URL escapes
// (M%C3%BCller), and repairs one layer of UTF-8 read as Windows-1252 (MÃ¼ller). All are common
// in exports of old tills, and no person or place is written this way.
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
	return repairMojibake(s)
}

// cp1252 maps runes outside Latin-1 to their byte in Windows-1252.
var cp1252 = map[rune]byte{
	'€': 0x80, '‚': 0x82, 'ƒ': 0x83, '„': 0x84, '…': 0x85, '†': 0x86, '‡': 0x87, 'ˆ': 0x88, '‰': 0x89, 'Š': 0x8a, '‹': 0x8b,
	'Œ': 0x8c, 'Ž': 0x8e, '‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '˜': 0x98, '™': 0x99,
	'š': 0x9a, '›': 0x9b, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f,
}

// repairMojibake repairs UTF-8 that was read as Windows-1252, if the result is plausible: Latin
// letters and typographic signs, or text entirely in another script. Some correct text is also
// valid UTF-8 in Windows-1252: Ó’Briain.
func repairMojibake(s string) string {
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
