package person

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// isWordRune reports whether r can be part of a word.
func isWordRune(r rune) bool {
	if uint32(r) < utf8.RuneSelf {
		return wordBytes[r]
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// wordBytes are the ASCII word characters.
var wordBytes = func() (is [utf8.RuneSelf]bool) {
	for b := range byte(utf8.RuneSelf) {
		is[b] = 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z'
	}
	return is
}()

// folded returns s in the form in which texts are compared.
func folded(s string) string { return fold.CompareKey(s) }

// unspaced reports whether r belongs to a script that is written without spaces, also around
// foreign words, or to Korean, whose particles follow a word directly.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == prolongedSoundMark
}

// prolongedSoundMark is the Japanese prolonged sound mark. Japanese keyboards have it where the dash is.
const prolongedSoundMark = '\u30fc'

// continues reports whether a token with edge as its outer letter continues with r beside it.
func continues(edge, r rune) bool { return isWordRune(r) && (!unspaced(r) || unspaced(edge)) }

// textLayers yields the layers of a text. A layer with control characters is yielded a second
// time with spaces in their place, since they can separate words: NUL in a field of fixed
// length, FNC1 in a bar code. Folding removes them.
func textLayers(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for layer := range fold.Layers(s) {
			if !yield(layer) || hasControl(layer) && !yield(strings.Map(blankFor, layer)) {
				return
			}
		}
	}
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && partsWords(rune(s[i])) {
			return true
		}
	}
	return false
}

func partsWords(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }

func blankFor(r rune) rune {
	if partsWords(r) {
		return ' '
	}
	return r
}

// word is a folded text that is searched for as a token in folded text.
type word struct {
	text    string
	address bool
	digits  bool // has no letters
	hash    bool // a SHA-256 hash: it occurs nowhere by chance
	short   bool // counts only in fields for ids
}

func newWord(text string, address bool) word {
	return word{
		text: text, address: address, hash: len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "", digits: !strings.ContainsFunc(text, unicode.IsLetter),
		short: !address && utf8.RuneCountInString(text) < 3,
	}
}

// in reports whether text contains the word as a token.
func (w *word) in(text string, p place) bool {
	if w.short && p == elsewhere {
		return false
	}
	for from := 0; ; {
		i := strings.Index(text[from:], w.text)
		if i < 0 {
			return false
		}
		at := from + i
		if after := text[at+len(w.text):]; w.begins(text[:at], after) && w.ends(after) {
			return true
		}
		from = at + 1
	}
}

// begins reports whether the word can begin between before and after.
func (w *word) begins(before, after string) bool {
	r, n := utf8.DecodeLastRuneInString(before)
	if n == 0 {
		return true
	}
	edge, _ := utf8.DecodeRuneInString(w.text)
	if continues(edge, r) {
		return false
	}
	other, _ := utf8.DecodeLastRuneInString(before[:len(before)-n])
	switch {
	case w.hash:
	case isJoint(r) && (!w.address || r != '@'):
		return !continues(edge, other) || w.address && endsWithFieldWord(before[:len(before)-n]) // bo.ada@ does not hold ada@, old_cus_83 does not hold cus_83
	case w.address && isApostrophe(r):
		return !continues(edge, other) || isLiteral(before, after) // o'brien@ does not hold brien@
	case w.digits && isNumberMark(r):
		return !unicode.IsDigit(other) // 2026-77-1 does not hold 77-1
	}
	return true
}

// ends reports whether the word can end before after.
func (w *word) ends(after string) bool {
	r, n := utf8.DecodeRuneInString(after)
	if n == 0 {
		return true
	}
	edge, _ := utf8.DecodeLastRuneInString(w.text)
	if continues(edge, r) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(after[n:])
	switch {
	case w.hash:
	case w.address && r == '.', !w.address && isJoint(r):
		return !continues(edge, next) // kim.85 does not hold kim
	case w.digits && isNumberMark(r):
		return !unicode.IsDigit(next)
	}
	return true
}

// fieldWords are field names that can stand before an address: contact_ada@x.example.
var fieldWords = wordSet("contact contacto contatto kontakt customer cust user usr member client guest account buyer person profile login email mail mailto " +
	"kunde kundin klant cliente klient utente usuario usuaria mitglied membre compte courriel correo kund")

// endsWithFieldWord reports whether text ends with a token that is one of fieldWords.
func endsWithFieldWord(text string) bool {
	at := len(text)
	for at > 0 && 'a' <= text[at-1] && text[at-1] <= 'z' {
		at--
	}
	before, n := utf8.DecodeLastRuneInString(text[:at])
	return fieldWords[text[at:]] && (n == 0 || !continues('a', before) && !isJoint(before))
}

// afterFieldWord returns the rest of a token after one of fieldWords and a joint, or "".
func afterFieldWord(token string) string {
	at := strings.IndexFunc(token, isJoint)
	if at < 1 || token[at] == '@' || !fieldWords[token[:at]] {
		return ""
	}
	return token[at+1:]
}

// isJoint reports whether r joins several words to one id or address.
func isJoint(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '+' || r == '@' }

// isApostrophe reports whether r is an apostrophe or a quote: within a name, or around quoted text.
func isApostrophe(r rune) bool { return r == '\'' || r == '\u2019' || r == '\u2018' || r == '`' }

// literals are letters before the quote of a string literal: b'…', u'…', N'…' of SQL.
var literals = wordSet("b u r n e x br rb")

// isLiteral reports whether before ends with the quote that opens a literal which ends before after.
func isLiteral(before, after string) bool {
	quote, n := utf8.DecodeLastRuneInString(before)
	if next, _ := utf8.DecodeRuneInString(after); next != quote {
		return false
	}
	before = before[:len(before)-n]
	at := len(before)
	for at > 0 && 'a' <= before[at-1] && before[at-1] <= 'z' && len(before)-at <= 2 {
		at--
	}
	other, n := utf8.DecodeLastRuneInString(before[:at])
	return literals[before[at:]] && (n == 0 || !continues('a', other) && !isApostrophe(other))
}

// isNumberMark reports whether r joins several numbers to one number, date or version.
func isNumberMark(r rune) bool {
	return r == '-' || r == '.' || r == '/' || r == ':' || r == ',' || r == '+'
}

// wholeNumber returns the digits of a whole number as JSON and people write it: 4242, 4242.0,
// 4.242e3. Plain digits are returned unchanged.
func wholeNumber(s string) (string, bool) {
	if len(s) == 0 || len(s) > 64 || s[0] < '0' || s[0] > '9' {
		return "", false
	}
	mantissa, exp, scientific := strings.Cut(s, "e")
	whole, part, decimal := strings.Cut(mantissa, ".")
	if !fold.IsDigits(whole) || decimal && !fold.IsDigits(part) {
		return "", false
	}
	if !scientific && !decimal {
		return whole, true
	}
	e := 0
	if scientific {
		var err error
		if e, err = strconv.Atoi(exp); err != nil || e > 64 || e < -64 {
			return "", false
		}
	}
	digits, point := whole+part, len(whole)+e
	if point <= 0 {
		return "", false
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	if strings.Trim(digits[point:], "0") != "" {
		return "", false
	}
	if digits = strings.TrimLeft(digits[:point], "0"); digits == "" {
		digits = "0"
	}
	return digits, true
}

// numberIn reports whether text, in a field for ids, order numbers or phone numbers, contains
// one of the bare numbers.
func numberIn(text string, numbers map[string]bool) (found bool) {
	if len(numbers) > 0 {
		numbersIn(text, func(n string) { found = found || numbers[n] })
	}
	return found
}

// numbersIn calls fn for each bare number in text from a field for ids. In longer text a
// number counts if it is the only one (ORD-1001) or has five digits: dates and random parts
// of ids contain every short number sooner or later.
func numbersIn(text string, fn func(n string)) {
	if n, ok := wholeNumber(text); ok {
		fn(n)
	}
	runs, only := 0, ""
	for i := 0; i < len(text); {
		if text[i] < '0' || text[i] > '9' {
			i++
			continue
		}
		j := i
		for j < len(text) && text[j] >= '0' && text[j] <= '9' {
			j++
		}
		runs++
		only = ""
		if alone(text, i, j) {
			if j-i >= 5 {
				fn(text[i:j])
			} else {
				only = text[i:j]
			}
		}
		i = j
	}
	if runs == 1 && only != "" {
		fn(only)
	}
}

// alone reports whether the number text[i:j] is a token and not part of a decimal.
func alone(text string, i, j int) bool {
	before, n := utf8.DecodeLastRuneInString(text[:i])
	if n > 0 && (continues('0', before) || before == '.' || before == ',') {
		return false
	}
	after, n := utf8.DecodeRuneInString(text[j:])
	if n == 0 {
		return true
	}
	next, _ := utf8.DecodeRuneInString(text[j+n:])
	return !continues('0', after) && ((after != '.' && after != ',') || !unicode.IsDigit(next))
}
