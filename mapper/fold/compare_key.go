package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CompareKey returns the form in which relay compares words across languages: Fold, with the
// digits of every script as 0 to 9, İ and ı as i, ß as ss and ς as σ. It is idempotent. No hash
// for Meta is made from it.
func CompareKey(s string) string {
	if plain, ok := foldASCII(s); ok {
		return plain
	}
	s = Digits(Fold(s))
	if IsPlainASCII(s) {
		return s
	}
	return equalLetters.Replace(s)
}

var equalLetters = strings.NewReplacer("i\u0307", "i", "ı\u0307", "i", "ı", "i", "ß", "ss", "ς", "σ")

// PlainPunctuation expects text in its CompareKey form. It replaces every dash that keyboards
// and word processors produce by a hyphen, ’ and ‘ by an apostrophe, and 。 in the domain of an
// e-mail address by a full stop. In a sentence the same characters end a word, so a search for
// a word has to look at both forms.
func PlainPunctuation(s string) string {
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
		case r == '\u3002': // the first dot of a domain decides which dots it uses
			if inDomain && !dotted {
				return '.'
			}
		case r < utf8.RuneSelf:
			inDomain = inDomain && r > ' '
		case r == '\u30fc': // after a kana it lengthens the vowel
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
