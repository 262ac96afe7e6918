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

// Amount is an exact amount of money: decimal text, never a float.
type Amount struct {
	Text      string     // shortest decimal form: 47.6, -3, 0
	Named     currencies // the currencies written beside the amount
	Ambiguous bool       // text such as 1.234, read as 1.234 but possibly 1234
	other     string     // the other reading of text such as 1.234 and 1,234
}

// Negative reports whether the amount is below zero.
func (m Amount) Negative() bool { return strings.HasPrefix(m.Text, "-") }

// Zero reports whether the amount is zero.
func (m Amount) Zero() bool { return m.Text == "0" }

// maxMoney is the largest amount that relay accepts, 10^12, as decimal digits.
const maxMoney = "1000000000000"

// Read reads an amount: a JSON number, or text as tills write it, with an optional sign,
// currency symbol or code, and digits grouped as 1,234.50 or 1.234,50.
func Read(n *event.Node) (Amount, bool) {
	switch n.Kind {
	case event.Number:
		return Exact(n.Text)
	case event.Text:
		return ReadText(n.Text)
	}
	return Amount{}, false
}

// Exact reads a JSON number as an amount.
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

// ReadText is Read for text. It allows at most 100 bytes.
func ReadText(text string) (Amount, bool) {
	if len(text) > 100 || !utf8.ValidString(text) {
		return Amount{}, false
	}
	text = strings.ReplaceAll(text, "´", "'") // NFKC would split it
	s := strings.Map(normaliseRune, fold.Digits(norm.NFKC.String(text)))
	s = strings.TrimSpace(s)
	if formula, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(formula, `"`) { // spreadsheets write ="10.00" and '10.00
		s = strings.TrimSpace(strings.TrimSuffix(formula, `"`))
	} else {
		s = strings.TrimSpace(strings.TrimPrefix(s, "'"))
	}
	negative := false
	if before, within, ok := strings.Cut(s, "("); ok && strings.IndexByte(within, ')') >= 0 { // a negative amount in accounting: (12.50), $(12.50), (12.50) EUR
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
		word := s[:len(s)-len(strings.TrimLeftFunc(s, isWordRune))]
		if strings.HasPrefix(s, ".") || word == "" {
			break
		}
		if !named.addWord(word) || words > 4 {
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
	for words := 0; ; words++ { // signs and currencies after the digits
		s = strings.TrimSpace(s)
		if rest, ok := strings.CutSuffix(s, "-"); ok {
			s, negative = rest, true
			signs++
			continue
		}
		word := s[len(strings.TrimRightFunc(s, isWordRune)):]
		word = strings.TrimLeft(word, ".")
		if word == "" || isExponentForm(s) {
			break
		}
		if !named.addWord(word) || words > 4 {
			return Amount{}, false
		}
		s = s[:len(s)-len(word)]
	}
	if signs > 1 {
		return Amount{}, false
	}
	number, ambiguous, ok := parseNumber(s)
	if !ok {
		return Amount{}, false
	}
	sign := ""
	if negative {
		sign = "-"
	}
	m, ok := Exact(sign + number)
	if LostDigits(s) {
		return Amount{}, false
	}
	m.Named, m.Ambiguous = named, ambiguous
	if other := otherReading(s); other != "" {
		m.other, _ = event.Decimal(sign + other)
	}
	return m, ok
}

// Number reads the amount in text as a float, for formulas in a mapping.
func Number(text string) (float64, bool) {
	m, ok := ReadText(text)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(m.Text, 64)
	return n, err == nil
}

// otherReading returns the second reading of a number with one separator and three digits after
// it: a decimal point taken for a group separator, or the reverse. It returns "" for all other
// numbers.
func otherReading(s string) string {
	switch {
	case strings.Count(s, ".") == 1 && isGrouped(s, '.'):
		return strings.Replace(s, ".", "", 1)
	case strings.Count(s, ",") == 1 && isGrouped(s, ','):
		return strings.Replace(s, ",", ".", 1)
	}
	return ""
}

// In returns the amount in its currency. The currency decides whether three digits after a
// separator are thousands or a fraction: Rp15.000 is fifteen thousand; 12,345 TND is 12.345.
func (m Amount) In(code string) Amount {
	if m.other == "" {
		return m
	}
	digits, ok := currency.GetDigits(code)
	switch {
	case ok && m.Ambiguous && (digits == 0 || hasNoCoins(code)):
		m.Text, m.Ambiguous = m.other, false
	case ok && !m.Ambiguous && digits == 3:
		m.Text = m.other
	case ok && m.Ambiguous && digits == 3:
		m.Ambiguous = false
	}
	return m
}

// FromMinor converts an amount in the currency's smallest unit: 4760 cents are 47.6, 4760 yen
// are 4760. It reports false when the amount is not a whole number.
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

// hasNoCoins reports whether ISO 4217 gives the currency minor units that are not used in
// practice.
func hasNoCoins(code string) bool {
	switch code {
	case "COP", "HUF", "IDR", "IRR", "LAK", "LBP", "MMK", "SYP", "TZS", "UZS":
		return true
	}
	return false
}

// normaliseRune maps the decimal marks, minus signs, apostrophes and spaces of keyboards and
// locales to ASCII, and drops invisible characters.
func normaliseRune(r rune) rune {
	switch {
	case r == 0x066B:
		return '.'
	case r == 0x066C:
		return ','
	case r == '−' || r == '–' || r == '—' || r == '‐' || r == '‑':
		return '-'
	case r == '’' || r == '‘':
		return '\''
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || fold.IsInvisible(r):
		return -1
	}
	return r
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || unicode.Is(unicode.M, r) || r == '.'
}

// LostDigits reports whether a spreadsheet rounded an amount for display: 1.23457E+11 can be
// any of a hundred thousand amounts. Programs write 1.0E7, without a plus sign.
func LostDigits(s string) bool {
	return strings.Contains(s, "+") && fold.LostDigits(s)
}

// isExponentForm reports whether s is a number such as 1.0E7, which is how some languages print
// large floats.
func isExponentForm(s string) bool {
	i := strings.IndexAny(s, "eE")
	if i < 1 || i == len(s)-1 {
		return false
	}
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	whole, fraction, point := strings.Cut(s[:i], ".")
	return digits(whole) && (!point || digits(fraction)) && digits(strings.TrimLeft(s[i+1:], "+-")) && len(s)-i < 6
}

// parseNumber reads digits with group separators and a decimal mark. The result has a decimal
// point and no separators.
func parseNumber(s string) (number string, ambiguous, ok bool) {
	if isExponentForm(s) {
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
		ambiguous = !others && isGrouped(s, '.')
	case commas == 1 && (others || !isGrouped(s, ',')):
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
		if !isGrouped(whole, whole[i]) {
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

// isGrouped reports whether s is digits in groups of three, or in Indian groups with commas
// (12,34,567). The first digit is not 0.
func isGrouped(s string, sep byte) bool {
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
