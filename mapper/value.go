package mapper

import (
	"strings"

	"github.com/bojanz/currency"

	"relay/mapper/event"
	"relay/mapper/match"
)

// amount is the value of one conversion.
type amount struct {
	money
	node   *event.Node // of the event, that gave it; nil: none, or a constant or expression
	state  amountState
	source string // where it was found
	first  string // where it was looked for first
	why    string // it cannot be read
}

type amountState uint8

const (
	amountAbsent amountState = iota
	amountReadable
	amountUnreadable
	amountNegative
)

// valueSources are where the value of a route's conversions comes from: the
// long form's list, else revenue for Order Completed, else value_field.
func (s *subject) valueSources(r *route) []source {
	switch {
	case r.value != nil:
		return r.value
	case s.name == orderCompleted:
		return s.m.revenue
	}
	return s.m.valueField
}

// findValue reads the value of a route's conversion. Blank sources are passed
// over, unreadable ones too while another follows; the first readable counts. The error is that of an expression.
func (s *subject) findValue(r *route, notes *noteList) (amount, error) {
	var a amount
	sources := s.valueSources(r)
	for i := range sources {
		if i == 0 {
			a.first = sources[0].label()
		}
		src := &sources[i]
		found, err := src.resolve(s, s.scratch[:0])
		if err != nil {
			return a, err
		}
		s.scratch = found[:0]
		if len(found) == 0 || len(found) == 1 && found[0].Blank() {
			if len(found) == 1 && found[0].Kind == event.Null && s.ev.NaN { // what stood there was NaN or Infinity
				s.leaveOutValue(&a, src, found[0], notes, "NaN or Infinity is no amount")
			}
			continue
		}
		at := src.label()
		a.source = at
		if len(found) > 1 {
			s.leaveOutValue(&a, src, found[0], notes, "several amounts where one is expected")
			continue
		}
		m, ok := parseMoney(found[0])
		if !ok {
			s.leaveOutValue(&a, src, found[0], notes, whyNoAmount(src, found[0]))
			continue
		}
		if !src.minor {
			m = m.in(s.currencyFor(m))
		} else {
			if m.text, ok = s.major(m); !ok {
				s.leaveOutValue(&a, src, found[0], notes, "not a whole number of the currency's smallest unit")
				continue
			}
		}
		a.money, a.state = m, amountReadable
		if src.constant == nil && src.expr == nil {
			a.node = found[0]
		}
		if m.negative() {
			a.state = amountNegative
		}
		if m.ambiguous {
			notes.add(noteAmbiguousValue, at, "three digits after a point: read as a decimal fraction, not as thousands")
		}
		if s.x != nil {
			s.x.field("value", at, src.line, found[0], []match.Step{{Rule: "decimal, shortest form", Result: m.text}}, m.text)
		}
		return a, nil
	}
	return a, nil
}

// major is an amount in the currency's smallest unit in its own: 4760 cents are
// 47.6, 4760 yen are 4760.
func (s *subject) major(m money) (string, bool) {
	if strings.Contains(m.text, ".") {
		return "", false
	}
	digits, ok := currency.GetDigits(s.currencyFor(m))
	if !ok {
		return m.text, true // nothing is sent without a currency
	}
	return event.Shift(m.text, -int(digits)), true
}

// currencyFor is the currency that an amount is read in: the event's or the default,
// unless another is written beside it.
func (s *subject) currencyFor(m money) string {
	if s.currency.node == nil && m.named.any() && !m.named.has(s.currency.code) {
		code, _ := m.named.first()
		return code
	}
	return s.currency.code
}

// whyNoAmount says what is wrong with an amount, by its shape, and the way out.
func whyNoAmount(src *source, n *event.Node) string {
	if amount := n.Get("amount"); amount != nil {
		return "an object, not an amount: name its member under value: [" + src.label() + ".amount] (cents: minor_units: true)"
	}
	if text, ok := n.ScalarText(); ok && shortenedAmount(text) {
		return "a number that a spreadsheet has shortened (" + event.Shape(n) + "): format the column as text there, and export again"
	}
	return "not an amount that can be read, or over 10^12 (" + event.Shape(n) + "); send 1234.50, its currency in properties.currency"
}

// leaveOutValue notes that a source of value gives no amount.
func (s *subject) leaveOutValue(a *amount, src *source, n *event.Node, notes *noteList, why string) {
	a.state, a.source, a.why = amountUnreadable, src.label(), why
	notes.add(noteInvalidValue, src.label(), why)
	if s.x != nil {
		s.x.leftOut("value", src.label(), src.line, n, match.Value{Code: noteInvalidValue, Why: why})
	}
}

// drop notes that a field that was found is left out after all.
func (s *subject) drop(field, at string, notes *noteList, code, why string) {
	notes.add(code, at, why)
	if s.x != nil {
		s.x.drop(field, code, why)
	}
}

// checkMoney applies docs/contract.md 5.3 to value and currency of a conversion and
// sets what is sent of them. The verdict, if any, holds the conversion.
func (s *subject) checkMoney(c *conversion, a amount, notes *noteList) verdict {
	isPurchase := c.name == purchase
	c.valueSource = a.source
	switch {
	case a.state == amountAbsent && isPurchase:
		return verdict{Hold, ReasonMissingValue, "a Purchase needs a value, and " + a.first + " has none: value: of the event in the mapping names another place"}
	case a.state == amountUnreadable && isPurchase:
		return verdict{Hold, ReasonInvalidValue, "the value of a Purchase cannot be read: " + a.source + ": " + a.why}
	case a.state == amountNegative && isPurchase:
		return verdict{Hold, ReasonInvalidValue, "the value of a Purchase is negative (" + a.source + "): when: in the mapping keeps returns back"}
	case a.state == amountNegative:
		s.drop("value", a.source, notes, noteInvalidValue, "a negative value is left out")
	case a.state == amountReadable && a.zero() && isPurchase && c.api == Offline:
		return verdict{Hold, ReasonInvalidValue, "the offline format takes no Purchase with a value of zero"}
	case a.state == amountReadable && a.zero() && c.api == Offline:
		s.drop("value", a.source, notes, noteZeroValue, "the offline format takes no value of zero; left out")
		a.state = amountAbsent
	case a.state == amountReadable && a.zero() && isPurchase:
		notes.add(noteZeroValue, a.source, "a Purchase with a value of zero")
	}
	code, v := s.currencyOf(c, &a, notes)
	if v.reason != "" {
		return v
	}
	if a.state == amountReadable && code == "" {
		s.drop("value", a.source, notes, noteMissingCurrency, "a value without a currency is left out: Meta refuses it")
		a.state = amountAbsent
	}
	if a.state == amountReadable {
		c.value = a.text
		if a.node != nil {
			c.consumed = a.node
		}
	}
	c.currency = code
	if c.api == Offline && c.value == "" && c.currency != "" {
		const why = "the offline format takes no currency without a value; left out"
		if s.currency.node != nil {
			notes.add(noteValueAlone, s.currency.at, why)
		}
		if s.x != nil {
			s.x.drop("currency", noteValueAlone, why)
		}
		c.currency = ""
	}
	return verdict{}
}
