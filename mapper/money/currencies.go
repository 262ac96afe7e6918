package money

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"

	"relay/mapper/event"
	"relay/mapper/fold"
)

// currencies are the currencies that the words and symbols beside an amount can mean. The zero
// value means that none is written.
type currencies struct {
	Codes []string // shared, never modified; the likeliest first
	sure  bool     // the first one is assumed unless the event or the mapping names another

	partial bool // letters that denote a currency only together with a sign: US$
}

func (c *currencies) Any() bool             { return len(c.Codes) > 0 }
func (c *currencies) Has(code string) bool  { return slices.Contains(c.Codes, code) }
func (c *currencies) First() (string, bool) { return c.Codes[0], c.sure || len(c.Codes) == 1 }

// intersect keeps the currencies that are in both sets. It reports false if none is.
func (c *currencies) intersect(with currencies) bool {
	if !c.Any() {
		*c = with
		return true
	}
	both := currencies{sure: c.sure || with.sure}
	for _, code := range c.Codes {
		if with.Has(code) {
			both.Codes = append(both.Codes, code)
		}
	}
	*c = both
	return c.Any()
}

// addWord adds a word beside an amount: an ISO code, a symbol, a name, or letters with a symbol
// (US$). It reports false when the word is none of these or contradicts the words before it.
func (c *currencies) addWord(word string) bool {
	word = strings.ToLower(word)
	bare := strings.TrimSuffix(word, ".")
	if known, ok := CurrencyWords()[bare]; ok {
		return c.intersect(known)
	}
	if upper := strings.ToUpper(bare); len(upper) == 3 && currency.IsValid(upper) {
		return c.intersect(currencies{Codes: []string{upper}})
	}
	letters := strings.TrimFunc(bare, isCurrencySign)
	if letters == "" {
		// A single unknown symbol is ignored. Two are not part of an amount.
		return utf8.RuneCountInString(bare) == 1
	}
	if letters == bare {
		return false
	}
	i := strings.Index(bare, letters)
	sign := bare[:i] + bare[i+len(letters):]
	return c.addWord(letters) && c.addWord(sign)
}

func isCurrencySign(r rune) bool { return unicode.Is(unicode.Sc, r) }

// CurrencyWords returns the ways to write a currency beside an amount, except for ISO codes.
// Where several currencies share a sign, "!" means that the first one is assumed when neither
// the event nor the mapping names another.
var CurrencyWords = sync.OnceValue(func() map[string]currencies {
	const dollars = "USD CAD AUD NZD HKD SGD TWD MXN BRL ARS CLP COP UYU DOP JMD TTD BBD BSD BMD BZD BND KYD XCD FJD GYD LRD NAD SBD SRD CVE NIO TOP WST"
	out := map[string]currencies{}
	partial := false // true for the rows after the line with +
	for line := range strings.Lines(`
		$ dollar dollars = ` + dollars + `
		€ euro euros = EUR
		£ pound pounds = ! GBP EGP LBP SYP GIP FKP SHP SSP SDG
		¥ 元 = JPY CNY
		円 yen = JPY
		yuan rmb = CNY
		₹ = INR
		₨ rs = INR PKR LKR NPR MUR SCR
		₺ tl = TRY
		₽ руб р = RUB
		₩ 원 = KRW
		₪ = ILS
		د.إ dhs = AED
		ر.س sr = SAR
		د.ك kd = KWD
		د.ب bd = BHD
		ر.ع = OMR
		ر.ق qr = QAR
		د.أ د.ا jd = JOD
		ج.م le = EGP
		د.م = MAD
		dh = MAD AED
		د.ت dt = TND
		د.ج da = DZD
		ل.ل = LBP
		د.ع = IQD
		ден ден. = MKD
		дин din = RSD
		сум = UZS
		тг = KZT
		₫ đ = VND
		฿ = THB
		₴ грн = UAH
		₦ = NGN
		₱ = PHP
		₡ = CRC
		₲ = PYG
		₵ = GHS
		₸ = KZT
		₼ = AZN
		₾ = GEL
		៛ = KHR
		₭ = LAK
		₮ = MNT
		kr = SEK NOK DKK ISK
		zł zl = PLN
		kč = CZK
		ft = HUF
		fr sfr = CHF
		r = ! ZAR BRL
		rp = IDR
		rm = MYR
		lei = RON MDL
		+
		us = USD
		ca c can = CAD
		au a aus = AUD
		nz = NZD
		hk = HKD
		s sg = SGD
		nt = TWD
		mx mex = MXN
		rd = DOP
		j = JMD
		tt = TTD
	`) {
		words, codes, ok := strings.Cut(line, "=")
		if !ok {
			partial = partial || strings.TrimSpace(line) == "+"
			continue
		}
		c := currencies{Codes: strings.Fields(codes), partial: partial}
		if c.Codes[0] == "!" {
			c.Codes, c.sure = c.Codes[1:], true
		}
		for w := range strings.FieldsSeq(words) {
			out[w] = c
		}
	}
	return out
})

// currencyCode reads an ISO 4217 code: three letters, or the numeric code that payment
// terminals send.
func currencyCode(n *event.Node) (string, bool) {
	text, ok := n.ScalarText()
	if !ok {
		return "", false
	}
	code := strings.ToUpper(fold.Clean(text))
	if number, ok := currencyNumbers()[fold.Digits(code)]; ok {
		return number, true
	}
	return code, len(code) == 3 && currency.IsValid(code)
}

// Currency reads a currency code or a mark such as €, EURO or EUR (€). A mark shared by several
// currencies means usual, if usual is one of them.
func Currency(n *event.Node, usual string) (string, bool) {
	if code, ok := currencyCode(n); ok || n.Kind != event.Text {
		return code, ok
	}
	named, ok := currencyOfMarks(n.Text)
	if !ok {
		return "", false
	}
	if code, one := named.First(); one {
		return code, true
	}
	return usual, named.Has(usual)
}

// maxCurrencyText is the longest text, in bytes, that is read as currency marks.
const maxCurrencyText = 40

// currencyOfMarks reads a text that consists of the marks of one currency.
func currencyOfMarks(text string) (named currencies, ok bool) {
	if len(text) > maxCurrencyText {
		return named, false
	}
	for word := range strings.FieldsFuncSeq(fold.Clean(text), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("()[]/", r) }) {
		if !named.addWord(word) {
			return named, false
		}
	}
	return named, named.Any() && !named.partial
}

// currencyNumbers maps ISO 4217 numeric codes to letter codes.
var currencyNumbers = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, code := range currency.GetCurrencyCodes() {
		if number, ok := currency.GetNumericCode(code); ok && number != "000" {
			out[number] = code
			out[strings.TrimLeft(number, "0")] = code // a JSON number has no leading zeros
		}
	}
	return out
})
