package event

import (
	"strconv"
	"strings"
)

// Items returns the items of a list. An object with numbered members, {"0":…,"2":…}, counts as
// a list: PHP writes it for a list from which items were removed. Items reports false if the
// node is not a list.
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

// item returns the list item at index. The members of a numbered object keep their own numbers.
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

// ParseJSONText decodes a list or object that was sent as JSON text, as tables and form fields
// do. It returns any other node unchanged. Each call decodes again; the result belongs to the
// caller.
func (n *Node) ParseJSONText() *Node {
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

// atoi returns the number that digits stand for, or 0 for any other text.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
