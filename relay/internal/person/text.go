package person

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// isWordRune holds for what a token is made of.
func isWordRune(r rune) bool {
	if uint32(r) < utf8.RuneSelf {
		return wordBytes[r]
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// wordBytes are those of ASCII.
var wordBytes = func() (is [utf8.RuneSelf]bool) {
	for b := range byte(utf8.RuneSelf) {
		is[b] = 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z'
	}
	return is
}()

// folded is a text as it is compared.
func folded(s string) string { return fold.CompareKey(s) }

// unspaced holds for letters of scripts that write words, and what stands within a
// sentence in other letters, without blanks; and of Korean, whose particles follow a word at once.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == longSound
}

// longSound is of kana. On the keys of a Japanese keyboard it is where the dash is.
const longSound = '\u30fc'

// goesOn says whether a token with this letter at its edge goes on in r beside it.
func goesOn(edge, r rune) bool { return isWordRune(r) && (!unspaced(r) || unspaced(edge)) }

// readings are the layers of a text, and each that has control characters as it is when
// they part words: NUL in a field of fixed length, FNC1 in a bar code. Fold takes
// them out.
func readings(s string) iter.Seq[string] {
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

// word is a text that is looked for as a token. It and what it is looked for in are
// folded.
type word struct {
	text    string
	address bool
	digits  bool // has no letter
	hash    bool // nothing else holds it by chance
	short   bool // counts where ids stand alone
}

func newWord(text string, address bool) word {
	return word{
		text: text, address: address, hash: len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "", digits: !strings.ContainsFunc(text, unicode.IsLetter),
		short: !address && utf8.RuneCountInString(text) < 3,
	}
}

// in says whether the word stands in text.
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

// begins says whether the word can begin between before and after.
func (w *word) begins(before, after string) bool {
	r, n := utf8.DecodeLastRuneInString(before)
	if n == 0 {
		return true
	}
	edge, _ := utf8.DecodeRuneInString(w.text)
	if goesOn(edge, r) {
		return false
	}
	other, _ := utf8.DecodeLastRuneInString(before[:len(before)-n])
	switch {
	case w.hash:
	case isJoint(r) && (!w.address || r != '@'):
		return !goesOn(edge, other) || w.address && endsInField(before[:len(before)-n]) // bo.ada@ is not ada@, old_cus_83 is not cus_83
	case w.address && isApostrophe(r):
		return !goesOn(edge, other) || isLiteral(before, after) // o'brien@ is not brien@
	case w.digits && isNumberMark(r):
		return !unicode.IsDigit(other) // 2026-77-1 is not 77-1
	}
	return true
}

// ends says whether the word can end before after.
func (w *word) ends(after string) bool {
	r, n := utf8.DecodeRuneInString(after)
	if n == 0 {
		return true
	}
	edge, _ := utf8.DecodeLastRuneInString(w.text)
	if goesOn(edge, r) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(after[n:])
	switch {
	case w.hash:
	case w.address && r == '.', !w.address && isJoint(r):
		return !goesOn(edge, next) // kim.85 is not kim
	case w.digits && isNumberMark(r):
		return !unicode.IsDigit(next)
	}
	return true
}

// fieldWords are names of fields that stand before an address and a joint: contact_ada@x.example.
var fieldWords = wordSet("contact contacto contatto kontakt customer cust user usr member client guest account buyer person profile login email mail mailto " +
	"kunde kundin klant cliente klient utente usuario usuaria mitglied membre compte courriel correo kund")

// endsInField says whether a text ends in a token of such a word.
func endsInField(text string) bool {
	at := len(text)
	for at > 0 && 'a' <= text[at-1] && text[at-1] <= 'z' {
		at--
	}
	before, n := utf8.DecodeLastRuneInString(text[:at])
	return fieldWords[text[at:]] && (n == 0 || !goesOn('a', before) && !isJoint(before))
}

// behindField is what stands in a token behind such a word and a joint; "" is nothing.
func behindField(token string) string {
	at := strings.IndexFunc(token, isJoint)
	if at < 1 || token[at] == '@' || !fieldWords[token[:at]] {
		return ""
	}
	return token[at+1:]
}

// isJoint is what makes one id or address of several words.
func isJoint(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '+' || r == '@' }

// isApostrophe is what stands within a name, and before and behind what is quoted.
func isApostrophe(r rune) bool { return r == '\'' || r == '\u2019' || r == '\u2018' || r == '`' }

// literals are letters before the quote of a text in programs: b'…', u'…', N'…' of SQL.
var literals = wordSet("b u r n e x br rb")

// isLiteral says whether before ends in an apostrophe that opens a text which ends before after.
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
	return literals[before[at:]] && (n == 0 || !goesOn('a', other) && !isApostrophe(other))
}

// isNumberMark is what makes one number, date or version of several.
func isNumberMark(r rune) bool {
	return r == '-' || r == '.' || r == '/' || r == ':' || r == ',' || r == '+'
}

// wholeNumber gives the digits of a whole number as JSON and people write it: 4242,
// 4242.0, 4.242e3. Digits alone are given as they are.
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

// numberIn says whether one of the bare numbers stands in text, which stands where
// ids, order numbers or phones do.
func numberIn(text string, numbers map[string]bool) (found bool) {
	if len(numbers) > 0 {
		numbersIn(text, func(n string) { found = found || numbers[n] })
	}
	return found
}

// numbersIn calls fn for each bare number in a text that stands where ids do. In a
// longer text one counts when it is the only number in it (ORD-1001) or has five
// digits: a date and the random part of an id hold every short number sooner or later.
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

// alone says whether text[i:j], a number, is a token and no part of a decimal.
func alone(text string, i, j int) bool {
	before, n := utf8.DecodeLastRuneInString(text[:i])
	if n > 0 && (goesOn('0', before) || before == '.' || before == ',') {
		return false
	}
	after, n := utf8.DecodeRuneInString(text[j:])
	if n == 0 {
		return true
	}
	next, _ := utf8.DecodeRuneInString(text[j+n:])
	return !goesOn('0', after) && ((after != '.' && after != ',') || !unicode.IsDigit(next))
}
