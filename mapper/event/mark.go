package event

import "slices"

// Mark says what is known about a node beyond its value.
type Mark uint16

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
