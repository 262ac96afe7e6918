package outward

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// Filter is what is known of the customer of one event. Begin takes that up, from then on
// the filter says what of the event may leave. It is for one event at a time.
type Filter struct {
	names  *Memo  // of the mapping
	secret []byte // of the installation

	keys   *match.ValuesByKey // of the event
	locale match.Locale
	person personal.Person
}

// New makes the filter of a mapping's events. names is the mapping's.
func New(names *Memo, secret []byte) Filter { return Filter{names: names, secret: secret} }

// Begin forgets the event before, gathers what an event says about its customer by its
// match keys, its ids and its traits, and marks the properties that are personal by their
// names.
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

// Forget leaves nothing of an event but room for the next.
func (f *Filter) Forget() {
	f.keys, f.locale = nil, match.Locale{}
	f.person.Reset()
}

// Kept is how much text the room is for, in bytes.
func (f *Filter) Kept() int { return f.person.Kept() }

// markMembers marks the members of an object that are personal by name, at any
// depth that is written.
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
func (f *Filter) somebody(text string) {
	if personal.Words(text) > 1 {
		f.person.Phrase(text)
	} else {
		f.person.Name(text, "")
	}
}

// isPlaceByValue says whether a property of the event is part of an address by a
// name that is an English word as well: the value tells.
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

// markNamed marks a value that is personal by its name, and takes up what it says.
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
func (f *Filter) markPair(name, value *event.Node) {
	if name == nil || name.Kind != event.Text || value.Mark&(event.MarkKeep|event.MarkExclude) != 0 {
		return
	}
	says := f.names.read(name.Text, true, false)
	if says.Holds && (says.Alone || value.Kind != event.True && value.Kind != event.False) || isSomebody(says, value) {
		f.markNamed(value, says)
	}
}

// MaxDepth is how deep custom_data may nest; deeper values are left out.
const MaxDepth = 50

// markWithin goes on to what lies in a value; in a list it is as in the value
// itself.
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

// MarkSet marks what custom_data.set takes from elsewhere: its own name is the
// mapping's word, the names in it are the event's.
func (f *Filter) MarkSet(n *event.Node, name string) {
	f.markWithin(n, f.names.read(name, false, false).Somebody, 1)
}
