package event

import "slices"

// Mark is a set of flags that mapping an event sets on its nodes.
type Mark uint16

// The marks of a node.
const (
	MarkSource   Mark = 1 << iota // source of a match key: not sent in custom_data
	MarkKeep                      // listed in custom_data.keep
	MarkExclude                   // listed in custom_data.exclude
	MarkConsumed                  // used for value, currency, content_ids, contents or store_data
	MarkPersonal                  // has a personal name
	MarkOnly                      // listed in custom_data.only
)

// ClearMark removes a mark from a node and from all nodes below it.
func (n *Node) ClearMark(m Mark) {
	n.Mark &^= m
	for i := range n.Kids {
		n.Kids[i].ClearMark(m)
	}
}

// HasMark reports whether a node, or any node below it, has a mark.
func (n *Node) HasMark(with Mark) bool {
	return n.Mark&with != 0 || slices.ContainsFunc(n.Kids, func(kid Node) bool { return kid.HasMark(with) })
}
