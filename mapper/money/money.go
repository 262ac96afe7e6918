package money

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"
	"golang.org/x/text/unicode/norm"

	"relay/mapper/event"
	"relay/mapper/fold"
)

// Amount is an amount as it was meant, exactly: decimal text, never a float.
type Amount struct {
	Text      string     // shortest decimal form: 47.6, -3, 0
	Named     currencies // that are written beside the amount
	Ambiguous bool       // 1.234 as text: read as a little over one
	other     string     // what 1.234 and 1,234 are when they are read the other way
}

// Negative says that it is below zero.
func (m Amount) Negative() bool { return strings.HasPrefix(m.Text, "-") }

// Zero says that it is nothing.
func (m Amount) Zero() bool { return m.Text == "0" }

// maxMoney is the largest amount relay believes, 10^12, and its digits.
const maxMoney = "1000000000000"

// Read reads an amount: a JSON number, or text as tills write it, with an
// optional sign, currency symbol or code, and 1,234.50 or 1.234,50 grouping.
func Read(n *event.Node) (Amount, bool) {
	switch n.Kind {
	case event.Number:
		return Exact(n.Text)
	case event.Text:
		return ReadText(n.Text)
	}
	return Amount{}, false
}

// Exact brings a number in JSON's form into the shortest form.
func Exact(number string) (Amount, bool) {
	text, ok := event.Decimal(number)
	if !ok {
		return Amount{}, false
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if len(whole) > len(maxMoney) || len(fraction) > 60 ||
		len(whole) == len(maxMoney) && (whole > maxMoney || whole == maxMoney && fraction != "") {
		return Amount{}, false
	}
	return Amount{Text: text}, true
}

// ReadText is Read for text.
func ReadText(text string) (Amount, bool) {
	if len(text) > 100 || !utf8.ValidString(text) {
		return Amount{}, false
	}
	s := strings.Map(plainMoneyRune, fold.Digits(norm.NFKC.String(text)))
	s = strings.TrimSpace(s)
	if formula, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(formula, `"`) { // a spreadsheet's ="10.00" and '10.00
		s = strings.TrimSpace(strings.TrimSuffix(formula, `"`))
	} else {
		s = strings.TrimSpace(strings.TrimPrefix(s, "'"))
	}
	negative := false
	if before, within, ok := strings.Cut(s, "("); ok && strings.IndexByte(within, ')') >= 0 { // an accountant's minus: (12.50), $(12.50), (12.50) EUR
		within, behind, _ := strings.Cut(within, ")")
		if strings.ContainsAny(before+behind, "0123456789()") {
			return Amount{}, false
		}
		s, negative = strings.TrimSpace(before+" "+within+" "+behind), true
	}
	var named currencies
	signs := 0
	for words := 0; ; words++ { // signs and currencies before the digits
		s = strings.TrimSpace(s)
		if sign := strings.IndexAny(s, "+-"); sign == 0 {
			negative = negative || s[0] == '-'
			signs++
			s = s[1:]
			continue
		}
		word := s[:len(s)-len(strings.TrimLeftFunc(s, moneyWordRune))]
		if strings.HasPrefix(s, ".") || word == "" {
			break
		}
		if !named.word(word) || words > 4 {
			return Amount{}, false
		}
		s = s[len(word):]
	}
	for _, end := range []string{",--", ".--", ",-", ".-"} { // 47,- is 47
		if whole, ok := strings.CutSuffix(s, end); ok {
			s = whole
			break
		}
	}
	for words := 0; ; words++ { // and after them
		s = strings.TrimSpace(s)
		if rest, ok := strings.CutSuffix(s, "-"); ok {
			s, negative = rest, true
			signs++
			continue
		}
		word := s[len(strings.TrimRightFunc(s, moneyWordRune)):]
		word = strings.TrimLeft(word, ".")
		if word == "" || exponentForm(s) {
			break
		}
		if !named.word(word) || words > 4 {
			return Amount{}, false
		}
		s = s[:len(s)-len(word)]
	}
	if signs > 1 {
		return Amount{}, false
	}
	number, ambiguous, ok := plainNumber(s)
	if !ok {
		return Amount{}, false
	}
	sign := ""
	if negative {
		sign = "-"
	}
	m, ok := Exact(sign + number)
	if Shortened(s) {
		return Amount{}, false
	}
	m.Named, m.Ambiguous = named, ambiguous
	if other := otherReading(s); other != "" {
		m.other, _ = event.Decimal(sign + other)
	}
	return m, ok
}

// Number is the number of an amount's text, for formulas.
func Number(text string) (float64, bool) {
	m, ok := ReadText(text)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(m.Text, 64)
	return n, err == nil
}

// otherReading is what a number with one mark and three digits behind it is when the
// mark is taken for the other one; "" for all others.
func otherReading(s string) string {
	switch {
	case strings.Count(s, ".") == 1 && grouped(s, '.'):
		return strings.Replace(s, ".", "", 1)
	case strings.Count(s, ",") == 1 && grouped(s, ','):
		return strings.Replace(s, ",", ".", 1)
	}
	return ""
}

// In is the amount in its currency, which tells whether three digits behind a mark are
// thousands or a fraction: Rp15.000 are fifteen thousand, 12,345 TND a little over twelve.
func (m Amount) In(code string) Amount {
	if m.other == "" {
		return m
	}
	digits, ok := currency.GetDigits(code)
	switch {
	case ok && m.Ambiguous && (digits == 0 || noCoins(code)):
		m.Text, m.Ambiguous = m.other, false
	case ok && !m.Ambiguous && digits == 3:
		m.Text = m.other
	case ok && m.Ambiguous && digits == 3:
		m.Ambiguous = false
	}
	return m
}

// FromMinor is an amount in the currency's smallest unit in its own: 4760 cents are
// 47.6, 4760 yen are 4760. False when it is no whole number.
func (m Amount) FromMinor(code string) (string, bool) {
	if strings.Contains(m.Text, ".") {
		return "", false
	}
	digits, ok := currency.GetDigits(code)
	if !ok {
		return m.Text, true // nothing is sent without a currency
	}
	return event.Shift(m.Text, -int(digits)), true
}

// noCoins says whether a currency has smaller units by ISO 4217 that nobody pays with.
func noCoins(code string) bool {
	switch code {
	case "COP", "HUF", "IDR", "IRR", "LAK", "LBP", "MMK", "SYP", "TZS", "UZS":
		return true
	}
	return false
}

// plainMoneyRune folds what keyboards and locales make of digits, minus signs
// and spaces, and takes out what cannot be seen.
func plainMoneyRune(r rune) rune {
	switch {
	case r == 0x066B:
		return '.'
	case r == 0x066C:
		return ','
	case r == '−' || r == '–' || r == '—' || r == '‐' || r == '‑':
		return '-'
	case r == '’' || r == '‘' || r == '´':
		return '\''
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || fold.Blank(r):
		return -1
	}
	return r
}

func moneyWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || unicode.Is(unicode.M, r) || r == '.'
}

// Shortened says whether an amount is one that a spreadsheet has shortened for show:
// 1.23457E+11 stands for a hundred thousand amounts. 1.0E7 is what a program writes.
func Shortened(s string) bool {
	return strings.Contains(s, "+") && fold.Shortened(s)
}

// exponentForm says whether s is a number such as 1.0E7, as some languages
// write large floats.
func exponentForm(s string) bool {
	i := strings.IndexAny(s, "eE")
	if i < 1 || i == len(s)-1 {
		return false
	}
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	whole, fraction, point := strings.Cut(s[:i], ".")
	return digits(whole) && (!point || digits(fraction)) && digits(strings.TrimLeft(s[i+1:], "+-")) && len(s)-i < 6
}

// plainNumber reads digits with grouping and a decimal mark; the answer has a
// point and no grouping.
func plainNumber(s string) (number string, ambiguous, ok bool) {
	if exponentForm(s) {
		return s, false, true
	}
	if s == "" || strings.Trim(s, "0123456789.,' ") != "" {
		return "", false, false
	}
	points, commas := strings.Count(s, "."), strings.Count(s, ",")
	others := strings.ContainsAny(s, "' ")
	decimal := byte(0)
	lastPoint, lastComma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	switch {
	case points > 0 && commas > 0:
		decimal = '.'
		if lastComma > lastPoint {
			decimal = ','
		}
		if strings.Count(s, string(decimal)) > 1 || others {
			return "", false, false
		}
	case points == 1:
		decimal = '.'
		ambiguous = !others && grouped(s, '.')
	case commas == 1 && (others || !grouped(s, ',')):
		decimal = ','
	}
	whole, fraction := s, ""
	if decimal != 0 {
		i := strings.LastIndexByte(s, decimal)
		whole, fraction = s[:i], s[i+1:]
	}
	if strings.Trim(fraction, "0123456789") != "" || whole == "" && fraction == "" {
		return "", false, false
	}
	if i := strings.IndexAny(whole, ".,' "); i >= 0 {
		if !grouped(whole, whole[i]) {
			return "", false, false
		}
		whole = strings.ReplaceAll(whole, whole[i:i+1], "")
	}
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole, ambiguous, true
	}
	return whole + "." + fraction, ambiguous, true
}

// grouped says whether s is digits in groups of three (12,34,567 with commas,
// as in India, too), the first not beginning with 0.
func grouped(s string, sep byte) bool {
	groups := strings.Split(s, string(sep))
	if len(groups) < 2 || len(groups[0]) < 1 || len(groups[0]) > 3 || groups[0][0] == '0' || len(groups[len(groups)-1]) != 3 {
		return false
	}
	three, two := true, sep == ',' && len(groups[0]) < 3
	for i, g := range groups {
		if strings.Trim(g, "0123456789") != "" {
			return false
		}
		if i > 0 && i < len(groups)-1 {
			three = three && len(g) == 3
			two = two && len(g) == 2
		}
	}
	return three || two
}
