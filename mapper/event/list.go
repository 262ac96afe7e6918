package event

import (
	"strconv"
	"strings"
)

// Items returns the items of a list. A list that PHP has taken items out of
// arrives as an object with numbered members, {"0":…,"2":…}; it is that list.
// false: the node is no list.
func (n *Node) Items() ([]Node, bool) {
	switch {
	case n == nil:
		return nil, false
	case n.Kind == List:
		return n.Kids, true
	case n.Kind != Object || len(n.Kids) == 0:
		return nil, false
	}
	for i := range n.Kids {
		name := n.Kids[i].Name
		if name == "" || len(name) > 9 || strings.Trim(name, "0123456789") != "" || len(name) > 1 && name[0] == '0' {
			return nil, false
		}
	}
	return n.Kids, true
}

// item returns the item of a list at a place. An object with numbered members
// keeps the numbers it has.
func (n *Node) item(index int) *Node {
	if n.Kind == List {
		if index < len(n.Kids) {
			return &n.Kids[index]
		}
		return nil
	}
	items, _ := n.Items()
	for i := range items {
		if atoi(items[i].Name) == index {
			return &items[i]
		}
	}
	return nil
}

// JSONText reads a list or an object that came as JSON text, as tables and form
// fields carry them; any other node is answered as it is. Each call reads anew:
// what is read belongs to the caller.
func (n *Node) JSONText() *Node {
	if n == nil || n.Kind != Text {
		return n
	}
	s := strings.TrimSpace(n.Text)
	if len(s) < 2 || s[0] != '[' && s[0] != '{' || s[len(s)-1] != s[0]+2 {
		return n
	}
	t, err := NewDecoder().Decode([]byte(s))
	if err != nil {
		return n
	}
	return &t.Root
}

// atoi is the number that digits are; 0 of anything else.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
