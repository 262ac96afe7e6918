package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Alike is text as it is compared where two ways to write a word are one word,
// whatever the language of the till that put it in capitals: Fold with the digits of
// any script as 0 to 9, and İ, ı as i, ß as ss, ς as σ. Nothing that is hashed for
// Meta is made of it. Idempotent.
func Alike(s string) string {
	if plain, ok := foldASCII(s); ok {
		return plain
	}
	s = Digits(Fold(s))
	if IsPlainASCII(s) {
		return s
	}
	return alikeLetters.Replace(s)
}

var alikeLetters = strings.NewReplacer("i\u0307", "i", "ı\u0307", "i", "ı", "i", "ß", "ss", "ς", "σ")

// Marks is Alike text with a plain hyphen for every dash that keyboards and word
// processors put in its place, a plain apostrophe for ’, and a full stop for 。 in a domain.
// In a sentence the same characters end a word: whoever looks for a word looks into both.
func Marks(s string) string {
	if IsPlainASCII(s) {
		return s
	}
	var before rune
	inDomain, dotted := false, false
	return strings.Map(func(r rune) rune {
		last := before
		before = r
		switch {
		case r == '@':
			inDomain, dotted = true, false
		case r == '.':
			dotted = true
		case r == '\u3002': // the first dot of a domain says what its dots are
			if inDomain && !dotted {
				return '.'
			}
		case r < utf8.RuneSelf:
			inDomain = inDomain && r > ' '
		case r == '\u30fc': // a vowel is lengthened behind a kana
			if !unicode.In(last, unicode.Hiragana, unicode.Katakana) && last != r {
				return '-'
			}
		case unicode.Is(unicode.Pd, r), r == '\u2212':
			return '-'
		case r == '\u2019', r == '\u2018':
			return '\''
		}
		return r
	}, s)
}
