package mapper

import (
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
)

// standardFields are Meta's names in custom_data. A leftover property only passes
// under one of them in its type; what the rules of docs/contract.md 5.1 make is never
// taken from one.
var standardFields = func() map[string]meta.Field {
	out := map[string]meta.Field{}
	for _, f := range meta.CustomData() {
		out[f.Name] = f
	}
	return out
}()

// fitsField says whether a value has the type that Meta expects of a field of
// custom_data, on a conversion of this name.
func fitsField(f meta.Field, n *event.Node, conversion string) bool {
	switch f.Shape {
	case meta.TextShape:
		return n.Kind == event.Text
	case meta.NumberShape, meta.WholeShape:
		_, ok := numberOf(f, n)
		return ok
	case meta.BoolShape:
		return n.Kind == event.True || n.Kind == event.False
	case meta.ListShape:
		return n.Kind == event.List
	case meta.ObjectShape:
		return n.Kind == event.Object
	case meta.DeliveryShape:
		return n.Kind == event.Text && conversion == purchase && slices.Contains(meta.Deliveries.Names, n.Text)
	}
	return true
}

// fits is fitsField for a property of the event at hand: an amount in another currency
// than the event's does not.
func (s *subject) fits(f meta.Field, n *event.Node, conversion string) bool {
	if !fitsField(f, n, conversion) {
		return false
	}
	if n.Kind != event.Text || f.Shape != meta.NumberShape {
		return true
	}
	m, _ := parseMoney(n)
	return !m.named.any() || m.named.has(s.currency.code)
}

// numberOf is a number of a field of custom_data in its shortest form: a text is read as
// the text of an amount is, so that each cell of a table can be one.
func numberOf(f meta.Field, n *event.Node) (m money, ok bool) {
	if n.Kind == event.Number {
		m.text, ok = event.Decimal(n.Text)
	} else {
		m, ok = parseMoney(n)
	}
	return m, ok && (f.Shape == meta.NumberShape || !strings.Contains(m.text, ".") && !m.named.any())
}

// asNumber is a property as it leaves under a field of custom_data: a text where Meta
// expects a number is that number, unless it is somebody's. It needs fits.
func (s *subject) asNumber(f meta.Field, n *event.Node) *event.Node {
	if n.Kind != event.Text || f.Shape != meta.NumberShape && f.Shape != meta.WholeShape || s.personalText(n.Text, f.Name, false) != "" {
		return n
	}
	m, ok := parseMoney(n)
	if !ok {
		return n
	}
	if f.Shape == meta.NumberShape {
		m = m.in(s.currencyFor(m))
	}
	return &event.Node{Kind: event.Number, Name: n.Name, Text: m.text, Mark: n.Mark}
}
