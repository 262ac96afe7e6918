package mapper

import "strings"

// items returns the items of a list. A list that PHP has taken items out of
// arrives as an object with numbered members, {"0":…,"2":…}; it is that list.
// false: the node is no list.
func (n *node) items() ([]node, bool) {
	switch {
	case n == nil:
		return nil, false
	case n.kind == isList:
		return n.kids, true
	case n.kind != isObject || len(n.kids) == 0:
		return nil, false
	}
	for i := range n.kids {
		name := n.kids[i].name
		if name == "" || len(name) > 9 || strings.Trim(name, "0123456789") != "" || len(name) > 1 && name[0] == '0' {
			return nil, false
		}
	}
	return n.kids, true
}

// item returns the item of a list at a place. An object with numbered members
// keeps the numbers it has.
func (n *node) item(index int) *node {
	if n.kind == isList {
		if index < len(n.kids) {
			return &n.kids[index]
		}
		return nil
	}
	items, _ := n.items()
	for i := range items {
		if atoi(items[i].name) == index {
			return &items[i]
		}
	}
	return nil
}

// jsonText reads a list or an object that came as JSON text, as tables and form
// fields carry them; any other node is answered as it is. Each call reads anew:
// what is read belongs to the caller.
func (n *node) jsonText() *node {
	if n == nil || n.kind != isText {
		return n
	}
	s := strings.TrimSpace(n.text)
	if len(s) < 2 || s[0] != '[' && s[0] != '{' || s[len(s)-1] != s[0]+2 {
		return n
	}
	t, err := newDecoder().event([]byte(s))
	if err != nil {
		return n
	}
	return &t.root
}
