package mapper

import (
	"strings"
	"sync"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// What is personal in an event's properties is found once, before they are
// written: by the names of properties (a mark on the node), and by what the event
// says about its customer, which is then looked for in every text.

// nameMemo remembers what names of properties say: tills use the same ones all
// day. It holds at most maxNamesKept, each of at most maxNameKept bytes.
type nameMemo struct {
	mu sync.RWMutex
	of map[nameKey]personal.Names
}

type nameKey struct {
	name        string
	top, within bool
}

const (
	maxNamesKept = 4096
	maxNameKept  = 64
)

func (c *nameMemo) read(name string, top, within bool) personal.Names {
	key := nameKey{name, top, within}
	c.mu.RLock()
	n, known := c.of[key]
	full := len(c.of) >= maxNamesKept
	c.mu.RUnlock()
	if known {
		return n
	}
	n = personal.Name(name, top, within)
	if full || len(name) > maxNameKept {
		return n
	}
	key.name = strings.Clone(name) // else it would keep all of the event
	c.mu.Lock()
	if c.of == nil {
		c.of = make(map[nameKey]personal.Names)
	}
	c.of[key] = n
	c.mu.Unlock()
	return n
}

// findPersonal marks the properties that are personal by name, and gathers what
// the event says about its customer.
func (s *subject) findPersonal() {
	s.person.Reset()
	s.gatherKeys()
	root := &s.t.Root
	for _, n := range [...]*event.Node{root.Get("userId"), root.Get("anonymousId")} {
		if text, ok := textID(n); ok {
			s.person.ID(text)
		}
	}
	s.gatherTraits(s.context.Get("traits"))
	s.gatherTraits(root.Get("traits"))
	if s.props != nil {
		s.markMembers(s.props, true, false, 1)
	}
}

// markMembers marks the members of an object that are personal by name, at any
// depth that is written.
func (s *subject) markMembers(n *event.Node, top, within bool, depth int) {
	if !top && len(n.Kids) <= maxPair {
		s.markPair(pairOf(n))
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		says := s.m.names.read(kid.Name, top, within)
		switch {
		case kid.Mark&markKeep != 0 || kid.Mark&markExclude != 0:
			continue
		case says.Holds && (says.Alone || kid.Kind != event.True && kid.Kind != event.False):
			s.markNamed(kid, says)
			continue
		case isSomebody(says, kid):
			kid.Mark |= markPersonal
			s.somebody(kid.Text)
			continue
		}
		if top && isPlaceByValue(kid) {
			kid.Mark |= markPersonal
			continue
		}
		s.markWithin(kid, says.Somebody, depth)
	}
}

// isSomebody says whether the value of a property that is called after somebody says
// who it is.
func isSomebody(says personal.Names, n *event.Node) bool {
	switch {
	case !says.Somebody || n.Kind != event.Text:
		return false
	case says.Who:
		return personal.SaysWho(n.Text) && !match.IsPlaceholder(n.Text)
	}
	return personal.Words(n.Text) > 1
}

// somebody takes up what a text says about who somebody is: one word is a name like
// those of products, too.
func (s *subject) somebody(text string) {
	if personal.Words(text) > 1 {
		s.person.Phrase(text)
	} else {
		s.person.Name(text, "")
	}
}

// isPlaceByValue says whether a property of the event is part of an address by a
// name that is an English word as well: the value tells.
func isPlaceByValue(n *event.Node) bool {
	text, _ := n.ScalarText()
	switch strings.ToLower(n.Name) {
	case "cap": // Italian: the postcode
		return len(text) == 5 && strings.Trim(text, "0123456789") == ""
	case "via": // Italian: the street
		return strings.ContainsAny(text, "0123456789") && personal.Words(text) > 0
	case "stát": // Czech: the country
		return n.Kind == event.Text
	}
	return false
}

// markNamed marks a value that is personal by its name, and takes up what it says.
func (s *subject) markNamed(n *event.Node, says personal.Names) {
	n.Mark |= markPersonal
	if n.Kind != event.Text || says.Place {
		return
	}
	switch words := personal.Words(n.Text); {
	case words > 1:
		s.person.Phrase(n.Text)
	case words == 0 && n.Text != "":
		s.person.Digits(n.Text)
	}
}

// maxPair is how many members an object has that is a name and its value, with an
// id or a type.
const maxPair = 4

// pairOf returns the name and the value of an object that is one property:
// {"name":"first_name","value":"Ada"}.
func pairOf(n *event.Node) (name, value *event.Node) {
	value = n.Get("value")
	if value == nil {
		return nil, nil
	}
	for i := range n.Kids {
		switch kid := &n.Kids[i]; kid.Name {
		case "price", "quantity", "product_id", "currency":
			return nil, nil // something sold
		case "name", "key", "label":
			name = kid
		}
	}
	return name, value
}

// markPair marks the value of a pair as if it was a property of that name.
func (s *subject) markPair(name, value *event.Node) {
	if name == nil || name.Kind != event.Text || value.Mark&(markKeep|markExclude) != 0 {
		return
	}
	says := s.m.names.read(name.Text, true, false)
	if says.Holds && (says.Alone || value.Kind != event.True && value.Kind != event.False) || isSomebody(says, value) {
		s.markNamed(value, says)
	}
}

// markWithin goes on to what lies in a value; in a list it is as in the value
// itself.
func (s *subject) markWithin(n *event.Node, somebody bool, depth int) {
	switch {
	case depth >= maxCustomDepth:
	case n.Kind == event.Object:
		s.markMembers(n, false, somebody, depth+1)
	case n.Kind == event.List:
		for i := range n.Kids {
			if kid := &n.Kids[i]; kid.Kind == event.List && len(kid.Kids) == 2 {
				s.markPair(&kid.Kids[0], &kid.Kids[1])
			}
			s.markWithin(&n.Kids[i], somebody, depth+1)
		}
	}
}

// markFixed marks what custom_data.set takes from elsewhere: its own name is the
// mapping's word, the names in it are the event's.
func (s *subject) markFixed(n *event.Node, name string) {
	s.markWithin(n, s.m.names.read(name, false, false).Somebody, 1)
}
