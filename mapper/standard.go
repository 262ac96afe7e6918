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
	case meta.NumberShape:
		return n.Kind == event.Number
	case meta.WholeShape:
		if n.Kind != event.Number {
			return false
		}
		text, ok := event.Decimal(n.Text)
		return ok && !strings.Contains(text, ".")
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
