package expr

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"relay/mapper/event"
)

// fillNode stores the result of an expression in n. Floats are rounded to six decimal places,
// so that 0.1+0.2 is 0.3.
func fillNode(n *event.Node, v any, depth int) error {
	switch v := v.(type) {
	case nil:
		n.Kind = event.Null
	case bool:
		n.Kind = event.False
		if v {
			n.Kind = event.True
		}
	case string:
		if len(v) > maxText {
			return errTooMuchText
		}
		n.Kind, n.Text = event.Text, strings.ToValidUTF8(v, "\uFFFD")
	case int:
		n.Kind, n.Text = event.Number, strconv.Itoa(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("not a number")
		}
		if math.Abs(v) < 1e9 {
			v = math.Round(v*1e6) / 1e6
		}
		n.Kind, n.Text = event.Number, strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		if depth > 20 || len(v) > maxItems {
			return errTooMuchText
		}
		n.Kind = event.List
		n.Kids = make([]event.Node, len(v))
		for i := range v {
			if err := fillNode(&n.Kids[i], v[i], depth+1); err != nil {
				return err
			}
		}
	default:
		return errors.New("the result is not text, a number, true, false or a list")
	}
	return nil
}

// valueOf converts a node for expr-lang. Whole numbers become ints and other numbers floats.
// Whole numbers that do not fit into an int stay text, with every digit.
func valueOf(n *event.Node, depth int) (any, bool) {
	if depth > 100 {
		return nil, false
	}
	switch n.Kind {
	case event.Text:
		return n.Text, true
	case event.True:
		return true, true
	case event.False:
		return false, true
	case event.Number:
		text, ok := event.Decimal(n.Text)
		if !ok {
			return n.Text, true
		}
		if i, err := strconv.Atoi(text); err == nil {
			return i, true
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.Contains(text, ".") {
			return f, true
		}
		return text, true
	case event.List:
		if len(n.Kids) > maxItems {
			return nil, false
		}
		list := make([]any, len(n.Kids))
		for i := range n.Kids {
			var ok bool
			if list[i], ok = valueOf(&n.Kids[i], depth+1); !ok {
				return nil, false
			}
		}
		return list, true
	case event.Object:
		object := make(map[string]any, len(n.Kids))
		for i := range n.Kids {
			v, ok := valueOf(&n.Kids[i], depth+1)
			if !ok {
				return nil, false
			}
			object[n.Kids[i].Name] = v
		}
		return object, true
	}
	return nil, true
}
