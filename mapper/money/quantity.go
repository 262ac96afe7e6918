package money

import (
	"strings"
	"unicode"

	"relay/mapper/event"
	"relay/mapper/fold"
)

// Quantity reads a quantity in its shortest decimal form. Text can end with a unit (0.55 m).
// 1,234 is rejected as ambiguous: from a scale it means 1.234, from a till 1234.
func Quantity(n *event.Node) (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.Kind {
	case event.Number:
		m, ok := Exact(n.Text)
		return m.Text, ok
	case event.Text:
		s := fold.Clean(strings.TrimRightFunc(n.Text, func(r rune) bool { // Clean turns ² into the digit 2
			return unicode.IsLetter(r) || unicode.IsSpace(r) || r == '.' || r == '²' || r == '³'
		}))
		m, ok := ReadText(s)
		if !ok || m.Named.Any() || strings.Contains(s, ",") && isGrouped(s, ',') {
			return "", false
		}
		return m.Text, true
	}
	return "", false
}
