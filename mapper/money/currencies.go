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

// currencies are the currencies that words and symbols beside an amount can
// mean. The zero value says that none is written.
type currencies struct {
	Codes []string // shared, never changed; the likeliest first
	sure  bool     // the first is meant where nothing else decides

	partial bool // letters that are a currency's beside a sign alone: US$
}

func (c *currencies) Any() bool             { return len(c.Codes) > 0 }
func (c *currencies) Has(code string) bool  { return slices.Contains(c.Codes, code) }
func (c *currencies) First() (string, bool) { return c.Codes[0], c.sure || len(c.Codes) == 1 }

// and keeps what both can mean; false when that is nothing.
func (c *currencies) and(with currencies) bool {
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

// word takes a word beside an amount: an ISO code, a symbol, a name, or letters
// with a symbol (US$). False when it is none, or contradicts those before.
func (c *currencies) word(word string) bool {
	word = strings.ToLower(word)
	bare := strings.TrimSuffix(word, ".")
	if known, ok := CurrencyWords()[bare]; ok {
		return c.and(known)
	}
	if upper := strings.ToUpper(bare); len(upper) == 3 && currency.IsValid(upper) {
		return c.and(currencies{Codes: []string{upper}})
	}
	letters := strings.TrimFunc(bare, isCurrencySign)
	if letters == "" {
		// A symbol that is in no table says nothing; two are no amount.
		return utf8.RuneCountInString(bare) == 1
	}
	if letters == bare {
		return false
	}
	i := strings.Index(bare, letters)
	sign := bare[:i] + bare[i+len(letters):]
	return c.word(letters) && c.word(sign)
}

func isCurrencySign(r rune) bool { return unicode.Is(unicode.Sc, r) }

// CurrencyWords are the ways of writing a currency beside an amount, but for
// ISO codes. Where several share a sign, "!" says that the first is meant
// wherever neither the event nor the mapping names another.
var CurrencyWords = sync.OnceValue(func() map[string]currencies {
	const dollars = "USD CAD AUD NZD HKD SGD TWD MXN BRL ARS CLP COP UYU DOP JMD TTD BBD BSD BMD BZD BND KYD XCD FJD GYD LRD NAD SBD SRD CVE NIO TOP WST"
	out := map[string]currencies{}
	partial := false // so are the rows behind a line with +
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

// currencyCode reads an ISO 4217 code: three letters, or the number in its
// place that payment terminals send.
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

// Currency reads a code, or what is written beside an amount: €, EURO, EUR (€). A
// mark of several currencies is the usual one, if that is among them.
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

// maxCurrencyText is the longest text, in bytes, that is read as marks of a currency.
const maxCurrencyText = 40

// currencyOfMarks reads the marks of one currency, with nothing else in the text.
func currencyOfMarks(text string) (named currencies, ok bool) {
	if len(text) > maxCurrencyText {
		return named, false
	}
	for word := range strings.FieldsFuncSeq(fold.Clean(text), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("()[]/", r) }) {
		if !named.word(word) {
			return named, false
		}
	}
	return named, named.Any() && !named.partial
}

// currencyNumbers are the codes of ISO 4217 by their numbers.
var currencyNumbers = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, code := range currency.GetCurrencyCodes() {
		if number, ok := currency.GetNumericCode(code); ok && number != "000" {
			out[number] = code
			out[strings.TrimLeft(number, "0")] = code // a number in JSON has no zeros in front
		}
	}
	return out
})
