package event

import "slices"

// Mark says what is known about a node beyond its value.
type Mark uint16

// What an event's values are marked with while it is mapped.
const (
	MarkSource   Mark = 1 << iota // a source of a match key: never leaves in custom_data
	MarkKeep                      // custom_data.keep names it
	MarkExclude                   // custom_data.exclude names it
	MarkConsumed                  // gave value, currency, content_ids, contents or store_data
	MarkPersonal                  // its name says that it is personal
	MarkOnly                      // custom_data.only names it
)

// Clear takes a mark from a node and all that is in it.
func (n *Node) Clear(m Mark) {
	n.Mark &^= m
	for i := range n.Kids {
		n.Kids[i].Clear(m)
	}
}

// Marked says whether a node, or one within, has a mark.
func (n *Node) Marked(with Mark) bool {
	return n.Mark&with != 0 || slices.ContainsFunc(n.Kids, func(kid Node) bool { return kid.Marked(with) })
}
