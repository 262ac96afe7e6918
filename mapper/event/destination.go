package event

import (
	"iter"
	"strings"

	"relay/mapper/fold"
)

// destinations are the names that senders use for this destination in `integrations`, in the
// form that foldDestination returns (docs/contract.md 5.3). Each name can switch the
// destination off; the value is whether it can also switch it on.
var destinations = map[string]bool{
	"facebookofflineconversions": true,
	"facebookconversionsapi":     true,
	"facebookconversions":        true, // RudderStack, and Segment's slug
	"metaconversionsapi":         true,
	"metaofflineconversions":     true,
	"facebookpixelserverside":    false, // the name of Facebook Conversions API until 2020
	"facebookserversideapi":      false,
}

// foldDestination reduces a destination's name to its letters and removes the suffix (Actions)
// that Segment adds to some names.
func foldDestination(name string) string {
	folded := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '_', '-', '.', '(', ')':
			return -1
		}
		return r
	}, fold.Lower(fold.Clean(name)))
	return strings.TrimSuffix(folded, "actions")
}

// shortestDestination is the length of the shortest of these names.
const shortestDestination = len("metaconversionsapi")

// isDestination reports whether name is a name of this destination.
func isDestination(name string) bool {
	return len(name) >= shortestDestination && destinations[foldDestination(name)]
}

// Destinations yields the members that hold options for this destination.
func (n *Node) Destinations() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n == nil || n.Kind != Object {
			return
		}
		for i := range n.Kids {
			if isDestination(n.Kids[i].Name) && !yield(&n.Kids[i]) {
				return
			}
		}
	}
}

// SwitchedOff reports whether an `integrations` object switches this destination off. It
// accepts every spelling of the destination's name. If there are several names, one false is
// enough.
func SwitchedOff(integrations *Node) bool {
	if integrations == nil {
		return false
	}
	all, on := true, false
	for i := range integrations.Kids {
		n := &integrations.Kids[i]
		if strings.EqualFold(strings.TrimSpace(n.Name), "All") {
			all = all && !isFalse(n)
			continue
		}
		if len(n.Name) < shortestDestination {
			continue
		}
		switch enables, known := destinations[foldDestination(n.Name)]; {
		case !known:
		case isFalse(n):
			return true
		default:
			on = on || enables && isTrue(n)
		}
	}
	return !all && !on
}

// isFalse reports whether a value is false, also written as text or as 0. An opt-out must not
// be lost because of how a client writes it.
func isFalse(n *Node) bool {
	switch n.Kind {
	case False:
		return true
	case Text:
		return strings.EqualFold(strings.TrimSpace(n.Text), "false") || strings.TrimSpace(n.Text) == "0"
	case Number:
		text, ok := Decimal(n.Text)
		return ok && text == "0"
	}
	return false
}

// isTrue reports whether a value is true, also written as text or as 1. An object of options
// counts as true.
func isTrue(n *Node) bool {
	switch n.Kind {
	case True, Object:
		return true
	case Text:
		return strings.EqualFold(strings.TrimSpace(n.Text), "true") || strings.TrimSpace(n.Text) == "1"
	case Number:
		text, ok := Decimal(n.Text)
		return ok && text == "1"
	}
	return false
}
