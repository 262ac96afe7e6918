package mapper

import (
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/money"
	"relay/mapper/rules"
)

// currencyFound is the currency of an event, from the event and the mapping.
type currencyFound struct {
	code    string      // ISO 4217, or ""
	invalid bool        // a currency is given but not valid
	node    *event.Node // the node that gave the code, if it came from the event
	at      string      // the source of the code, or of the invalid value
}

// findCurrency sets the currency: the first readable one of the event, else the default of
// the event set or mapping. An event with only unreadable ones has an invalid currency.
func (s *subject) findCurrency() {
	s.currency = currencyFound{}
	for i := range s.m.rules.Currency {
		src := &s.m.rules.Currency[i]
		found, err := s.resolve(src, s.scratch[:0])
		if err != nil {
			s.failExpression(src, err)
			return
		}
		s.scratch = found[:0]
		if len(found) == 0 || found[0].Blank() {
			continue
		}
		n := found[0]
		code, ok := money.Currency(n, s.defaults.Currency)
		if !ok || len(found) > 1 {
			if !s.currency.invalid {
				s.currency = currencyFound{invalid: true, at: src.Label(), node: n}
			}
			continue
		}
		s.currency = currencyFound{code: code, at: src.Label(), node: n}
		if s.x != nil {
			s.x.field("currency", s.currency.at, src.Line, n, []match.Step{{Rule: "trimmed, upper case, an ISO 4217 code", Result: code}}, code)
		}
		return
	}
	if s.currency.invalid {
		return
	}
	s.currency.code = s.defaults.Currency
	if s.x != nil && s.currency.code != "" {
		s.x.field("currency", "default_currency", s.defaults.CurrencyLine, nil, nil, s.currency.code)
	}
}

// currencyOf returns the currency of a conversion: the event's, the one written beside its
// amount, or the default. If amount and event have different currencies, there is none. A
// Purchase is then held with the verdict; other conversions lose the value, with a note.
func (s *subject) currencyOf(c *conversion, a *amount, notes *noteList) (code string, v verdict) {
	isPurchase := c.name == rules.Purchase
	code = s.currency.code
	switch {
	case s.currency.invalid && isPurchase:
		return "", verdict{Hold, ReasonInvalidCurrency, s.currency.at + " is not an ISO 4217 code (" + event.Shape(s.currency.node) + "); send three letters such as EUR"}
	case s.currency.invalid:
		notes.add(noteInvalidCurrency, s.currency.at, "not an ISO 4217 code; left out")
		if s.x != nil {
			s.x.leftOut("currency", s.currency.at, 0, s.currency.node, match.Value{Code: noteInvalidCurrency, Why: "not an ISO 4217 code"})
		}
	case a.state == amountReadable && a.Named.Any():
		named, why := s.namedCurrency(a)
		if _, one := a.Named.First(); why != "" && code == "" && !one && isPurchase {
			return "", verdict{Hold, ReasonMissingCurrency, a.source + " has a symbol shared by several currencies, and nothing says which one: set default_currency, or send " + s.m.rules.Currency[0].Label()}
		}
		if why != "" && isPurchase {
			return "", verdict{Hold, ReasonInvalidCurrency, why}
		}
		if why != "" {
			s.dropField("value", a.source, notes, noteCodeMismatch, why+"; both are left out")
			s.dropCurrency(noteCodeMismatch, why)
			a.state = amountAbsent
		} else if named != code && s.x != nil {
			s.dropCurrency("", "the amount names another currency")
			s.x.field("currency", a.source, 0, nil, []match.Step{{Rule: "written beside the amount", Result: named}}, named)
		}
		code = named
	}
	if code == "" && isPurchase {
		return "", verdict{Hold, ReasonMissingCurrency, "a Purchase needs a currency: the event has none and the mapping no default_currency"}
	}
	return code, verdict{}
}

// namedCurrency returns the currency written beside an amount, or why it cannot be used.
func (s *subject) namedCurrency(a *amount) (code, why string) {
	code = s.currency.code
	switch first, one := a.Named.First(); {
	case code != "" && a.Named.Has(code):
		return code, ""
	case s.currency.node != nil:
		return "", a.source + " names a different currency from " + s.currency.at + ": correct one of them"
	case one:
		return first, ""
	}
	return "", a.source + " has a symbol shared by several currencies, and default_currency is none of them: send " + s.m.rules.Currency[0].Label()
}

// dropCurrency marks the currency as left out in an explanation.
func (s *subject) dropCurrency(code, why string) {
	if s.x != nil {
		s.x.drop("currency", code, why)
	}
}
