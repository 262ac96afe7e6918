package outward

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// Filter holds what is known about the customer of one event. Begin collects it. Afterwards the
// methods decide what may be sent. It is not safe for concurrent use.
type Filter struct {
	names  *NameCache // of the mapping, shared by its filters
	secret []byte     // of the installation

	keys   *match.ValuesByKey // of the event
	locale match.Locale
	person personal.Person
}

// New returns a filter for events of a mapping. names is shared by all filters of the mapping.
func New(names *NameCache, secret []byte) Filter { return Filter{names: names, secret: secret} }

// Begin discards the previous event, collects what an event says about its customer in match
// keys, ids and traits, and marks the properties with personal names.
func (f *Filter) Begin(root, props *event.Node, keys *match.ValuesByKey, locale match.Locale) {
	f.Forget()
	f.keys, f.locale = keys, locale
	f.gatherKeys()
	for _, n := range [...]*event.Node{root.Get("userId"), root.Get("anonymousId")} {
		if text, ok := n.IDText(); ok {
			f.person.ID(text)
		}
	}
	f.gatherTraits(root.Get("context").Object().Get("traits"))
	f.gatherTraits(root.Get("traits"))
	if props != nil {
		f.markMembers(props, true, false, 1)
	}
}

// Forget discards the data of the event and keeps the buffers.
func (f *Filter) Forget() {
	f.keys, f.locale = nil, match.Locale{}
	f.person.Reset()
}

// Kept returns the size of the buffers in bytes.
func (f *Filter) Kept() int { return f.person.Kept() }

// markMembers marks the members of an object that are personal by name, down to the depth that
// is sent.
func (f *Filter) markMembers(n *event.Node, top, within bool, depth int) {
	if !top && len(n.Kids) <= maxPair {
		f.markPair(pairOf(n))
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		says := f.names.read(kid.Name, top, within)
		switch {
		case kid.Mark&event.MarkKeep != 0 || kid.Mark&event.MarkExclude != 0:
			continue
		case says.Holds && (says.Alone || kid.Kind != event.True && kid.Kind != event.False):
			f.markNamed(kid, says)
			continue
		case isSomebody(says, kid):
			kid.Mark |= event.MarkPersonal
			f.somebody(kid.Text)
			continue
		}
		if top && isPlaceByValue(kid) {
			kid.Mark |= event.MarkPersonal
			continue
		}
		f.markWithin(kid, says.Somebody, depth)
	}
}

// isSomebody reports whether the value of a property named after a person is that person's
// name.
func isSomebody(says personal.Names, n *event.Node) bool {
	switch {
	case !says.Somebody || n.Kind != event.Text:
		return false
	case says.Who:
		return personal.SaysWho(n.Text) && !match.IsPlaceholder(n.Text)
	}
	return personal.Words(n.Text) > 1
}

// somebody adds a text that names a person. A single word can also be a product name.
func (f *Filter) somebody(text string) {
	if personal.Words(text) > 1 {
		f.person.Phrase(text)
	} else {
		f.person.Name(text, "")
	}
}

// isPlaceByValue reports whether a property of the event is part of an address although its
// name is also an English word. The value decides.
func isPlaceByValue(n *event.Node) bool {
	if len(n.Name) < len("cap") || len(n.Name) > len("stát") {
		return false
	}
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

// markNamed marks a value whose name is personal, and adds the value to the customer's data.
func (f *Filter) markNamed(n *event.Node, says personal.Names) {
	n.Mark |= event.MarkPersonal
	if n.Kind != event.Text || says.Place {
		return
	}
	switch words := personal.Words(n.Text); {
	case words > 1:
		f.person.Phrase(n.Text)
	case words == 0 && n.Text != "":
		f.person.Digits(n.Text)
	}
}

// maxPair is the maximum number of members of an object that holds a name and its value, with
// an id or a type.
const maxPair = 4

// pairOf returns the name and value of an object that stands for one property:
// {"name":"first_name","value":"Ada"}.
func pairOf(n *event.Node) (name, value *event.Node) {
	value = n.Get("value")
	if value == nil {
		return nil, nil
	}
	for i := range n.Kids {
		switch kid := &n.Kids[i]; kid.Name {
		case "price", "quantity", "product_id", "currency":
			return nil, nil // a product
		case "name", "key", "label":
			name = kid
		}
	}
	return name, value
}

// markPair marks the value of a pair as if it were a property with that name.
func (f *Filter) markPair(name, value *event.Node) {
	if name == nil || name.Kind != event.Text || value.Mark&(event.MarkKeep|event.MarkExclude) != 0 {
		return
	}
	says := f.names.read(name.Text, true, false)
	if says.Holds && (says.Alone || value.Kind != event.True && value.Kind != event.False) || isSomebody(says, value) {
		f.markNamed(value, says)
	}
}

// MaxDepth is the maximum nesting depth of custom_data. Deeper values are left out.
const MaxDepth = 50

// markWithin marks the values inside a value. Items of a list are treated like the list itself.
func (f *Filter) markWithin(n *event.Node, somebody bool, depth int) {
	switch {
	case depth >= MaxDepth:
	case n.Kind == event.Object:
		f.markMembers(n, false, somebody, depth+1)
	case n.Kind == event.List:
		for i := range n.Kids {
			if kid := &n.Kids[i]; kid.Kind == event.List && len(kid.Kids) == 2 {
				f.markPair(&kid.Kids[0], &kid.Kids[1])
			}
			f.markWithin(&n.Kids[i], somebody, depth+1)
		}
	}
}

// MarkSet marks a value that custom_data.set takes from outside the properties. Its name comes
// from the mapping, the names inside it from the event.
func (f *Filter) MarkSet(n *event.Node, name string) {
	f.markWithin(n, f.names.read(name, false, false).Somebody, 1)
}
