package mapper

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
)

// currencyFound is what an event and the mapping say about the currency.
type currencyFound struct {
	code    string      // ISO 4217, or ""
	invalid bool        // there is one, and it is none
	node    *event.Node // of the event, when it gave the code
	at      string      // the source that gave it, or that gave none that is one
}

// findCurrency settles the currency: the event's own, which must be an ISO 4217
// code, else the default of the event set or the mapping. Blank sources are
// passed over, unreadable ones too while another follows.
func (s *subject) findCurrency() {
	s.currency = currencyFound{}
	for i := range s.m.currency {
		src := &s.m.currency[i]
		found, err := src.resolve(s, s.scratch[:0])
		if err != nil {
			s.failExpression(src, err)
			return
		}
		s.scratch = found[:0]
		if len(found) == 0 || found[0].Blank() {
			continue
		}
		n := found[0]
		code, ok := s.currencyOfNode(n)
		if !ok || len(found) > 1 {
			if !s.currency.invalid {
				s.currency = currencyFound{invalid: true, at: src.label(), node: n}
			}
			continue
		}
		s.currency = currencyFound{code: code, at: src.label(), node: n}
		if s.x != nil {
			s.x.field("currency", s.currency.at, src.line, n, []match.Step{{Rule: "trimmed, upper case, an ISO 4217 code", Result: code}}, code)
		}
		return
	}
	if s.currency.invalid {
		return
	}
	s.currency.code = s.defaults.currency
	if s.x != nil && s.currency.code != "" {
		s.x.field("currency", "default_currency", s.defaults.currencyLine, nil, nil, s.currency.code)
	}
}

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

// currencyOfNode reads a code, or what is written beside an amount: €, EURO, EUR (€). A
// mark of several currencies is the default one, if that is among them.
func (s *subject) currencyOfNode(n *event.Node) (string, bool) {
	if code, ok := currencyCode(n); ok || n.Kind != event.Text {
		return code, ok
	}
	named, ok := currencyOfMarks(n.Text)
	if !ok {
		return "", false
	}
	if code, one := named.first(); one {
		return code, true
	}
	return s.defaults.currency, named.has(s.defaults.currency)
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
	return named, named.any() && !named.partial
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

// currencyOf is the currency of one conversion: the event's, the one that its
// amount names, or the default. An amount that names another currency than the
// event's has none. The verdict, if any, holds a Purchase; of other conversions
// the value is left out, with a note.
func (s *subject) currencyOf(c *conversion, a *amount, notes *noteList) (code string, v verdict) {
	isPurchase := c.name == purchase
	code = s.currency.code
	switch {
	case s.currency.invalid && isPurchase:
		return "", verdict{Hold, ReasonInvalidCurrency, s.currency.at + " is not an ISO 4217 code (" + event.Shape(s.currency.node) + "); send three letters such as EUR"}
	case s.currency.invalid:
		notes.add(noteInvalidCurrency, s.currency.at, "not an ISO 4217 code; left out")
		if s.x != nil {
			s.x.leftOut("currency", s.currency.at, 0, s.currency.node, match.Value{Code: noteInvalidCurrency, Why: "not an ISO 4217 code"})
		}
	case a.state == amountReadable && a.named.any():
		named, why := s.namedCurrency(a)
		if _, one := a.named.first(); why != "" && code == "" && !one && isPurchase {
			return "", verdict{Hold, ReasonMissingCurrency, a.source + " has a sign of several currencies, and nothing names one: set default_currency, or send " + s.m.currency[0].label()}
		}
		if why != "" && isPurchase {
			return "", verdict{Hold, ReasonInvalidCurrency, why}
		}
		if why != "" {
			s.drop("value", a.source, notes, noteCodeMismatch, why+"; both are left out")
			s.dropCurrency(noteCodeMismatch, why)
			a.state = amountAbsent
		} else if named != code && s.x != nil {
			s.dropCurrency("", "the amount names another one")
			s.x.field("currency", a.source, 0, nil, []match.Step{{Rule: "written beside the amount", Result: named}}, named)
		}
		code = named
	}
	if code == "" && isPurchase {
		return "", verdict{Hold, ReasonMissingCurrency, "a Purchase needs a currency: the event has none and the mapping no default_currency"}
	}
	return code, verdict{}
}

// namedCurrency is the currency of an amount that names one. why says what is
// wrong with it, in which case there is none.
func (s *subject) namedCurrency(a *amount) (code, why string) {
	code = s.currency.code
	switch first, one := a.named.first(); {
	case code != "" && a.named.has(code):
		return code, ""
	case s.currency.node != nil:
		return "", a.source + " names another currency than " + s.currency.at + ": correct one of them"
	case one:
		return first, ""
	}
	return "", a.source + " names a currency that may be one of several, and default_currency is none of them: send " + s.m.currency[0].label()
}

// dropCurrency takes the currency back in an explanation.
func (s *subject) dropCurrency(code, why string) {
	if s.x != nil {
		s.x.drop("currency", code, why)
	}
}

// currencies are the currencies that words and symbols beside an amount can
// mean. The zero value says that none is written.
type currencies struct {
	codes []string // shared, never changed; the likeliest first
	sure  bool     // the first is meant where nothing else decides

	partial bool // letters that are a currency's beside a sign alone: US$
}

func (c *currencies) any() bool             { return len(c.codes) > 0 }
func (c *currencies) has(code string) bool  { return slices.Contains(c.codes, code) }
func (c *currencies) first() (string, bool) { return c.codes[0], c.sure || len(c.codes) == 1 }

// and keeps what both can mean; false when that is nothing.
func (c *currencies) and(with currencies) bool {
	if !c.any() {
		*c = with
		return true
	}
	both := currencies{sure: c.sure || with.sure}
	for _, code := range c.codes {
		if with.has(code) {
			both.codes = append(both.codes, code)
		}
	}
	*c = both
	return c.any()
}

// word takes a word beside an amount: an ISO code, a symbol, a name, or letters
// with a symbol (US$). False when it is none, or contradicts those before.
func (c *currencies) word(word string) bool {
	word = strings.ToLower(word)
	bare := strings.TrimSuffix(word, ".")
	if known, ok := currencyWords()[bare]; ok {
		return c.and(known)
	}
	if upper := strings.ToUpper(bare); len(upper) == 3 && currency.IsValid(upper) {
		return c.and(currencies{codes: []string{upper}})
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

// currencyWords are the ways of writing a currency beside an amount, but for
// ISO codes. Where several share a sign, "!" says that the first is meant
// wherever neither the event nor the mapping names another.
var currencyWords = sync.OnceValue(func() map[string]currencies {
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
		c := currencies{codes: strings.Fields(codes), partial: partial}
		if c.codes[0] == "!" {
			c.codes, c.sure = c.codes[1:], true
		}
		for w := range strings.FieldsSeq(words) {
			out[w] = c
		}
	}
	return out
})
