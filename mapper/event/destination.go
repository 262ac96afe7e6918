package event

import (
	"iter"
	"strings"

	"relay/mapper/fold"
)

// destinations are the names under which senders know this destination, folded
// as foldDestination does (docs/contract.md 5.3).
// The value says whether the name is one to switch it on by, too.
var destinations = map[string]bool{
	"facebookofflineconversions": true,
	"facebookconversionsapi":     true,
	"facebookconversions":        true, // RudderStack's, and Segment's slug
	"metaconversionsapi":         true,
	"metaofflineconversions":     true,
	"facebookpixelserverside":    false, // what Facebook Conversions API was called until 2020
	"facebookserversideapi":      false,
}

// foldDestination reduces a destination's name to its letters, without the
// (Actions) that Segment writes behind some.
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

// isDestination says whether a name is one of this destination.
func isDestination(name string) bool {
	return len(name) >= shortestDestination && destinations[foldDestination(name)]
}

// Destinations are the members that hold options for this destination.
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

// SwitchedOff reads one object of integrations. A wish to opt out is honoured
// however the destination's name is written; of several names one that says
// false wins.
func SwitchedOff(integrations *Node) bool {
	if integrations == nil {
		return false
	}
	all, on := true, false
	for i := range integrations.Kids {
		n := &integrations.Kids[i]
		if strings.EqualFold(strings.TrimSpace(n.Name), "All") {
			all = all && !saysFalse(n)
			continue
		}
		if len(n.Name) < shortestDestination {
			continue
		}
		switch may, known := destinations[foldDestination(n.Name)]; {
		case !known:
		case saysFalse(n):
			return true
		default:
			on = on || may && saysTrue(n)
		}
	}
	return !all && !on
}

// saysFalse reads false, also as text and as 0: a wish to opt out is not lost
// to a client that sends those.
func saysFalse(n *Node) bool {
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

// saysTrue reads true, as text and as 1 too; an object of options counts as true.
func saysTrue(n *Node) bool {
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
