package outward

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// Filter holds the data of one event's customer, which Begin collects. The other methods then
// decide what can be sent. It is not safe for concurrent use.
type Filter struct {
	names  *NameCache // of the mapping, shared by its filters
	secret []byte     // of the installation

	keys   *match.ValuesByKey // of the event
	locale match.Locale
	person personal.Person
}

// New returns a filter for events of a mapping. All filters of the mapping share names.
func New(names *NameCache, secret []byte) Filter { return Filter{names: names, secret: secret} }

// Begin discards the previous event. It collects the customer's data from the match keys, ids
// and traits of an event, and marks the properties with personal names.
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

// markMembers marks the members of an object that have a personal name, down to MaxDepth.
func (f *Filter) markMembers(n *event.Node, top, within bool, depth int) {
	if !top && len(n.Kids) <= maxPair {
		f.markPair(pairOf(n))
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		class := f.names.classify(kid.Name, top, within)
		switch {
		case kid.Mark&event.MarkKeep != 0 || kid.Mark&event.MarkExclude != 0:
			continue
		case class.Personal && (class.AnyValue || kid.Kind != event.True && kid.Kind != event.False):
			f.markPersonal(kid, class)
			continue
		case isPersonName(class, kid):
			kid.Mark |= event.MarkPersonal
			f.addPersonName(kid.Text)
			continue
		}
		if top && isPlaceByValue(kid) {
			kid.Mark |= event.MarkPersonal
			continue
		}
		f.markWithin(kid, class.Person, depth)
	}
}

// isPersonName reports whether the property is named after a person and its value is that
// person's name.
func isPersonName(class personal.NameClass, n *event.Node) bool {
	switch {
	case !class.Person || n.Kind != event.Text:
		return false
	case class.OneWord:
		return personal.IsPersonName(n.Text) && !match.IsPlaceholder(n.Text)
	}
	return personal.Words(n.Text) > 1
}

// addPersonName adds a text that is a person's name to the customer's data. A single word can
// also be a product name.
func (f *Filter) addPersonName(text string) {
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

// markPersonal marks a value whose name is personal, and adds the value to the customer's data.
func (f *Filter) markPersonal(n *event.Node, class personal.NameClass) {
	n.Mark |= event.MarkPersonal
	if n.Kind != event.Text || class.Place {
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
	class := f.names.classify(name.Text, true, false)
	if class.Personal && (class.AnyValue || value.Kind != event.True && value.Kind != event.False) || isPersonName(class, value) {
		f.markPersonal(value, class)
	}
}

// MaxDepth is the maximum nesting depth of custom_data. Deeper values are left out.
const MaxDepth = 50

// markWithin marks the values inside a value. Items of a list are treated like the list itself.
func (f *Filter) markWithin(n *event.Node, person bool, depth int) {
	switch {
	case depth >= MaxDepth:
	case n.Kind == event.Object:
		f.markMembers(n, false, person, depth+1)
	case n.Kind == event.List:
		for i := range n.Kids {
			if kid := &n.Kids[i]; kid.Kind == event.List && len(kid.Kids) == 2 {
				f.markPair(&kid.Kids[0], &kid.Kids[1])
			}
			f.markWithin(&n.Kids[i], person, depth+1)
		}
	}
}

// MarkSet marks a value that custom_data.set takes from outside the properties. Its name comes
// from the mapping, the names inside it from the event.
func (f *Filter) MarkSet(n *event.Node, name string) {
	f.markWithin(n, f.names.classify(name, false, false).Person, 1)
}
