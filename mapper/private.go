package mapper

import (
	"slices"
	"strings"
	"sync"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
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

// gatherKeys takes what the match keys were made from, by the form of each: a key that
// is added is looked for like the others. E-mail addresses are found in any text; gender
// and the parts of an address are words like others; a lead id is a number of Meta's.
func (s *subject) gatherKeys() {
	for k := range match.Count {
		for i := range s.keys[k] {
			v := &s.keys[k][i]
			if v.Hashed {
				continue
			}
			switch match.Table[k].Form {
			case meta.Phone:
				s.person.Phone(v.Form)
			case meta.OwnID:
				s.person.ID(v.Plain)
			case meta.DeviceID:
				s.person.ID(v.Form)
			case meta.Date:
				s.person.BirthDate(v.Form)
			case meta.Name:
				if k != match.FirstName && k != match.LastName { // which belong together
					s.person.Name(v.Form, "")
				}
			}
		}
	}
	plainName := func(k match.Key, i int) string {
		if v := s.keys[k]; i < len(v) && !v[i].Hashed {
			return v[i].Form
		}
		return ""
	}
	for i := range max(len(s.keys[match.FirstName]), len(s.keys[match.LastName])) {
		s.person.Name(plainName(match.FirstName, i), plainName(match.LastName, i))
	}
}

// gatherTraits takes what traits say besides: clients call them by many names,
// and match keys are made of one of them.
func (s *subject) gatherTraits(traits *event.Node) {
	traits = traits.Object()
	if traits == nil {
		return
	}
	var names [2][]string // first and last ones
	for i := range traits.Kids {
		n := &traits.Kids[i]
		name := foldName(n.Name)
		if items, ok := n.Items(); ok && !isDateList(n) {
			for j := range items {
				s.gatherTrait(name, n.Name, &items[j], &names)
			}
			continue
		}
		if n.Kind == event.Object && name == "address" {
			for j := range n.Kids {
				if isStreet(foldName(n.Kids[j].Name)) {
					s.person.Phrase(n.Kids[j].Text)
				}
			}
			continue
		}
		s.gatherTrait(name, n.Name, n, &names)
	}
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	for i := range max(len(names[0]), len(names[1])) {
		s.person.Name(at(names[0], i), at(names[1], i))
	}
}

// gatherTrait takes what one value of a trait says; name is folded.
func (s *subject) gatherTrait(name, written string, n *event.Node, names *[2][]string) {
	text, ok := textID(n)
	if !ok && isBirthTrait(name) {
		text, ok = birthText(n)
	}
	if !ok {
		return
	}
	switch name {
	case "firstname", "givenname", "forename":
		names[0] = append(names[0], text)
	case "lastname", "familyname", "surname":
		names[1] = append(names[1], text)
	case "name", "fullname", "displayname":
		f, l := match.SplitName(text)
		s.person.Name(f, l)
		s.person.Phrase(text)
	case "address":
		s.person.Phrase(text)
	case "id", "userid", "customerid", "externalid":
		s.person.ID(text)
	case "phone", "mobile", "mobilephone", "phonenumber", "telephone":
		if s.isKeyPhone(text) {
			return
		}
		for _, v := range match.Values(match.Phone, text, s.locale) {
			if v.Form == "" {
				s.person.Digits(text)
			} else if !v.Hashed {
				s.person.Phone(v.Form)
			}
		}
	case "birthday", "birthdate", "dateofbirth", "dob": // isBirthTrait
		if v := match.Normalise(match.BirthDate, text, s.locale, nil); v.Form != "" && !v.Hashed {
			s.person.BirthDate(v.Form)
		}
		s.person.ID(text)
	default:
		words := personal.Words(text)
		if isStreet(name) || (words > 1 || words == 1 && strings.ContainsAny(text, "0123456789")) && s.saysWho(written) {
			s.person.Phrase(text)
		}
	}
}

// isBirthTrait is about a folded name.
func isBirthTrait(name string) bool {
	return name == "birthday" || name == "birthdate" || name == "dateofbirth" || name == "dob"
}

// saysWho says whether a trait's name is that of a name or an address.
func (s *subject) saysWho(name string) bool {
	says := s.m.names.read(name, false, true)
	return says.Holds && !says.Place
}

// isKeyPhone says whether a phone number is one that a match key was made of, in the
// forms that tills write it.
func (s *subject) isKeyPhone(text string) bool {
	var digits [maxPhoneDigits]byte
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9' && n < len(digits):
			digits[n] = c
			n++
		case c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '+' && i == 0:
		default:
			return false
		}
	}
	return n >= minPhoneSuffix && slices.ContainsFunc(s.keys[match.Phone], func(v keyValue) bool {
		return !v.Hashed && strings.HasSuffix(v.Form, string(digits[:n])) && (text[0] != '+' || len(v.Form) == n)
	})
}

const (
	maxPhoneDigits = 15
	minPhoneSuffix = 9 // digits by which a number is known from its end
)

// isStreet is about a folded name.
func isStreet(name string) bool {
	switch strings.TrimRight(name, "123") {
	case "street", "line", "address", "addressline", "streetaddress", "streetname":
		return true
	}
	return false
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

// Why a text is not sent. "" is none of them.
const (
	whyEmail  = "holds an e-mail address; left out"
	whyPhone  = "holds a phone number; left out"
	whyPerson = "holds what the event says about its customer; left out"

	whyAccount = "holds the number of a bank account or a card; left out"
	whyIP      = "holds an IP address; left out"
)

// personalText says why a text may not leave in custom_data. kept: the mapping's
// custom_data.keep names its property, so only what is sure to be the customer's
// stays back. field is the property's name.
func (s *subject) personalText(text, field string, kept bool) (why string) {
	for text := range fold.Layers(text) {
		if why := s.personalPlain(text, field, kept); why != "" {
			return why
		}
	}
	return ""
}

// personalPlain is personalText for a text as it is.
func (s *subject) personalPlain(text, field string, kept bool) (why string) {
	if personal.HoldsPlainEmail(text) {
		return whyEmail
	}
	holdsPhone := personal.HoldsPhone
	if isCode(field) {
		holdsPhone = personal.HoldsPlainPhone
	}
	country, home := s.locale.Effective(), s.locale.DefaultCountry
	if holdsPhone(text, country) || home != "" && home != country && holdsPhone(text, home) {
		return whyPhone
	}
	switch {
	case personal.HoldsAccount(text):
		return whyAccount
	case !kept && !isVersion(field) && personal.HoldsIP(text):
		return whyIP
	}
	switch holds, single, is := s.person.Holds(text); {
	case !holds, kept && single, is && isOfProduct(field):
		return ""
	}
	return whyPerson
}

// personalNumber is personalText for a number: one that is the customer's id,
// phone number or date of birth.
func (s *subject) personalNumber(number string) (why string) {
	if len(number) < 6 {
		return ""
	}
	if holds, single, _ := s.person.Holds(number); holds && !single {
		return whyPerson
	}
	return ""
}

// isVersion says whether a property tells a version, which may look like an address:
// 1.2.3.4.
func isVersion(field string) bool {
	name := foldName(field)
	for _, word := range [...]string{"version", "firmware", "software", "build", "release", "driver"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// isCode says whether a property holds a code that is grouped like a phone number.
func isCode(field string) bool {
	switch foldName(field) {
	case "ean", "gtin", "upc", "barcode", "isbn", "sku", "mpn", "asin", "productid", "imei", "serial", "serialnumber":
		return true
	}
	return false
}

// isOfProduct says whether a property tells what was sold, where a word is not
// the customer's though it may be somebody's name: brand "Jordan", colour "Rose".
func isOfProduct(field string) bool {
	switch strings.TrimPrefix(foldName(field), "product") {
	case "", "name", "title", "brand", "colour", "color", "category", "model", "variant", "size", "material", "style", "collection", "series",
		"vendor", "manufacturer", "supplier", "department", "type", "item", "itemname", "flavour", "flavor", "scent", "pattern", "finish", "design",
		"designer", "artist", "author", "label", "edition", "sku", "id", "description", "tags", "store", "storename", "city", "location", "affiliation", "coupon",
		"wine", "beer", "coffee", "tea", "grape", "variety", "varietal", "cultivar", "breed", "fragrance", "perfume", "flower", "book", "game", "song",
		"album", "film", "movie", "team", "player", "band", "character", "subcategory", "contentname", "contentcategory", "make", "trim", "marke", "farbe", "marque", "couleur", "marca", "merk", "kleur", "month", "day":
		return true
	}
	return false
}
