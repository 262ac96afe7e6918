package mapper

import (
	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/money"
	"relay/mapper/rules"
)

// amount is the value of one conversion.
type amount struct {
	money.Amount
	node        *event.Node // the node of the event that gave it; nil: none, or a constant or expression
	state       amountState
	source      string // where it was found
	firstSource string // the first source tried
	why         string // why it cannot be read
}

type amountState uint8

const (
	amountAbsent amountState = iota
	amountReadable
	amountUnreadable
	amountNegative
)

// valueSources returns the sources of the value of a route's conversions: the long form's list,
// else revenue for Order Completed, else value_field.
func (s *subject) valueSources(r *rules.Route) []rules.Source {
	switch {
	case r.Value != nil:
		return r.Value
	case s.name == rules.OrderCompleted:
		return s.m.rules.Revenue
	}
	return s.m.rules.ValueField
}

// findValue reads the value of a route's conversion from the first source with a readable
// amount. The result is unreadable if a source has a value but none is readable. An error comes
// from an expression.
func (s *subject) findValue(r *rules.Route, notes *noteList) (amount, error) {
	var a amount
	sources := s.valueSources(r)
	for i := range sources {
		if i == 0 {
			a.firstSource = sources[0].Label()
		}
		src := &sources[i]
		found, err := s.resolve(src, s.scratch[:0])
		if err != nil {
			return a, err
		}
		s.scratch = found[:0]
		if len(found) == 0 || len(found) == 1 && found[0].Blank() {
			if len(found) == 1 && found[0].Kind == event.Null && s.ev.NaN { // it was NaN or Infinity
				s.leaveOutValue(&a, src, found[0], notes, "NaN or Infinity is not an amount")
			}
			continue
		}
		at := src.Label()
		a.source = at
		if len(found) > 1 {
			s.leaveOutValue(&a, src, found[0], notes, "several amounts where one is expected")
			continue
		}
		m, ok := money.Read(found[0])
		if !ok {
			s.leaveOutValue(&a, src, found[0], notes, whyNoAmount(src, found[0]))
			continue
		}
		if !src.Minor {
			m = m.In(s.currencyFor(m))
		} else {
			if m.Text, ok = m.FromMinor(s.currencyFor(m)); !ok {
				s.leaveOutValue(&a, src, found[0], notes, "not a whole number of the currency's smallest unit")
				continue
			}
		}
		a.Amount, a.state = m, amountReadable
		if src.Constant == nil && src.Expr == nil {
			a.node = found[0]
		}
		if m.Negative() {
			a.state = amountNegative
		}
		if m.Ambiguous {
			notes.add(noteAmbiguousValue, at, "three digits after a point: read as a decimal fraction, not as thousands")
		}
		if s.x != nil {
			s.x.field("value", at, src.Line, found[0], []match.Step{{Rule: "decimal, shortest form", Result: m.Text}}, m.Text)
		}
		return a, nil
	}
	return a, nil
}

// currencyFor returns the currency by which an amount is read: the one written beside it, else
// the event's or the default.
func (s *subject) currencyFor(m money.Amount) string {
	if s.currency.node == nil && m.Named.Any() && !m.Named.Has(s.currency.code) {
		code, _ := m.Named.First()
		return code
	}
	return s.currency.code
}

// whyNoAmount explains why an amount cannot be read, showing its shape, and what to do.
func whyNoAmount(src *rules.Source, n *event.Node) string {
	if amount := n.Get("amount"); amount != nil {
		return "an object, not an amount: name its member under value: [" + src.Label() + ".amount] (cents: minor_units: true)"
	}
	if text, ok := n.ScalarText(); ok && money.LostDigits(text) {
		return "a number that a spreadsheet has shortened (" + event.Shape(n) + "): format the column as text there, and export again"
	}
	return "not an amount that can be read, or over 10^12 (" + event.Shape(n) + "); send 1234.50, its currency in properties.currency"
}

// leaveOutValue records that a source of the value has no readable amount, with a note.
func (s *subject) leaveOutValue(a *amount, src *rules.Source, n *event.Node, notes *noteList, why string) {
	a.state, a.source, a.why = amountUnreadable, src.Label(), why
	notes.add(noteInvalidValue, src.Label(), why)
	if s.x != nil {
		s.x.leftOut("value", src.Label(), src.Line, n, match.Value{Code: noteInvalidValue, Why: why})
	}
}

// dropField adds a note that a field is left out although it has a value.
func (s *subject) dropField(field, at string, notes *noteList, code, why string) {
	notes.add(code, at, why)
	if s.x != nil {
		s.x.drop(field, code, why)
	}
}

// checkMoney sets value and currency of a conversion by the rules of docs/contract.md 5.3. It
// returns a verdict if the conversion is held.
func (s *subject) checkMoney(c *conversion, a amount, notes *noteList) verdict {
	isPurchase := c.name == rules.Purchase
	c.valueSource = a.source
	switch {
	case a.state == amountAbsent && isPurchase:
		return verdict{Hold, ReasonMissingValue, "a Purchase needs a value, and " + a.firstSource + " has none: list another place under value: of the event in the mapping"}
	case a.state == amountUnreadable && isPurchase:
		return verdict{Hold, ReasonInvalidValue, "the value of a Purchase cannot be read: " + a.source + ": " + a.why}
	case a.state == amountNegative && isPurchase:
		return verdict{Hold, ReasonInvalidValue, "the value of a Purchase is negative (" + a.source + "): use when: in the mapping to filter out returns"}
	case a.state == amountNegative:
		s.dropField("value", a.source, notes, noteInvalidValue, "a negative value is left out")
	case a.state == amountReadable && a.Zero() && isPurchase && c.api == meta.Offline:
		return verdict{Hold, ReasonInvalidValue, "the offline format does not accept a Purchase with a value of zero"}
	case a.state == amountReadable && a.Zero() && c.api == meta.Offline:
		s.dropField("value", a.source, notes, noteZeroValue, "the offline format does not accept a value of zero; left out")
		a.state = amountAbsent
	case a.state == amountReadable && a.Zero() && isPurchase:
		notes.add(noteZeroValue, a.source, "a Purchase with a value of zero")
	}
	code, v := s.currencyOf(c, &a, notes)
	if v.reason != "" {
		return v
	}
	if a.state == amountReadable && code == "" {
		s.dropField("value", a.source, notes, noteMissingCurrency, "a value without a currency is left out: Meta refuses it")
		a.state = amountAbsent
	}
	if a.state == amountReadable {
		c.value = a.Text
		if a.node != nil {
			c.consumed = a.node
		}
	}
	c.currency = code
	if c.api == meta.Offline && c.value == "" && c.currency != "" {
		const why = "the offline format does not accept a currency without a value; left out"
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
