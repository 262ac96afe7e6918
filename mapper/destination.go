package mapper

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

// destinations are the members that hold options for this destination.
func (n *node) destinations() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n == nil || n.kind != isObject {
			return
		}
		for i := range n.kids {
			if isDestination(n.kids[i].name) && !yield(&n.kids[i]) {
				return
			}
		}
	}
}

// optedOut says whether integrations switch this destination off: those of the
// event, or those in its context, where older libraries put them.
func (s *subject) optedOut() bool {
	return switchedOff(s.options) || switchedOff(s.context.get("integrations").object())
}

// switchedOff reads one object of integrations. A wish to opt out is honoured
// however the destination's name is written; of several names one that says
// false wins.
func switchedOff(integrations *node) bool {
	if integrations == nil {
		return false
	}
	all, on := true, false
	for i := range integrations.kids {
		n := &integrations.kids[i]
		if strings.EqualFold(strings.TrimSpace(n.name), "All") {
			all = all && !saysFalse(n)
			continue
		}
		if len(n.name) < shortestDestination {
			continue
		}
		switch may, known := destinations[foldDestination(n.name)]; {
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
func saysFalse(n *node) bool {
	switch n.kind {
	case isFalse:
		return true
	case isText:
		return strings.EqualFold(strings.TrimSpace(n.text), "false") || strings.TrimSpace(n.text) == "0"
	case isNumber:
		text, ok := decimalText(n.text)
		return ok && text == "0"
	}
	return false
}

// saysTrue reads true, as text and as 1 too; an object of options counts as true.
func saysTrue(n *node) bool {
	switch n.kind {
	case isTrue, isObject:
		return true
	case isText:
		return strings.EqualFold(strings.TrimSpace(n.text), "true") || strings.TrimSpace(n.text) == "1"
	case isNumber:
		text, ok := decimalText(n.text)
		return ok && text == "1"
	}
	return false
}
