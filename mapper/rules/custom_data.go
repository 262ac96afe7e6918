package rules

import (
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/money"
)

// CustomData are Meta's fields of custom_data by name. A property with one of these names is
// sent only if it has the right type. Fields made by the rules of docs/contract.md 5.1 are
// never taken from a property.
var CustomData = func() map[string]meta.Field {
	out := map[string]meta.Field{}
	for _, f := range meta.CustomData() {
		out[f.Name] = f
	}
	return out
}()

// Fits reports whether a value has the type that Meta expects of a field of custom_data, in a
// conversion with this name.
func Fits(f meta.Field, n *event.Node, conversion string) bool {
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
		return n.Kind == event.Text && conversion == Purchase && slices.Contains(meta.Deliveries.Names, n.Text)
	}
	return true
}

// numberOf returns the number for a field of custom_data in its shortest form. Text is read
// like the text of an amount, so that cells of tables work.
func numberOf(f meta.Field, n *event.Node) (m money.Amount, ok bool) {
	if n.Kind == event.Number {
		m.Text, ok = event.Decimal(n.Text)
	} else {
		m, ok = money.Read(n)
	}
	return m, ok && (f.Shape == meta.NumberShape || !strings.Contains(m.Text, ".") && !m.Named.Any())
}
