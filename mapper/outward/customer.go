package outward

import (
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/personal"
)

// gatherKeys takes what the match keys were made from, by the form of each: a key that
// is added is looked for like the others. E-mail addresses are found in any text; gender
// and the parts of an address are words like others; a lead id is a number of Meta's.
func (f *Filter) gatherKeys() {
	for k := range match.Count {
		for i := range f.keys[k] {
			v := &f.keys[k][i]
			if v.Hashed {
				continue
			}
			switch match.Table[k].Form {
			case meta.Phone:
				f.person.Phone(v.Form)
			case meta.OwnID:
				f.person.ID(v.Plain)
			case meta.DeviceID:
				f.person.ID(v.Form)
			case meta.Date:
				f.person.BirthDate(v.Form)
			case meta.Name:
				if k != match.FirstName && k != match.LastName { // which belong together
					f.person.Name(v.Form, "")
				}
			}
		}
	}
	plainName := func(k match.Key, i int) string {
		if v := f.keys[k]; i < len(v) && !v[i].Hashed {
			return v[i].Form
		}
		return ""
	}
	for i := range max(len(f.keys[match.FirstName]), len(f.keys[match.LastName])) {
		f.person.Name(plainName(match.FirstName, i), plainName(match.LastName, i))
	}
}

// gatherTraits takes what traits say besides: clients call them by many names,
// and match keys are made of one of them.
func (f *Filter) gatherTraits(traits *event.Node) {
	traits = traits.Object()
	if traits == nil {
		return
	}
	var names [2][]string // first and last ones
	for i := range traits.Kids {
		n := &traits.Kids[i]
		name := fold.Name(n.Name)
		if items, ok := n.Items(); ok && !n.IsDateList() {
			for j := range items {
				f.gatherTrait(name, n.Name, &items[j], &names)
			}
			continue
		}
		if n.Kind == event.Object && name == "address" {
			for j := range n.Kids {
				if isStreet(fold.Name(n.Kids[j].Name)) {
					f.person.Phrase(n.Kids[j].Text)
				}
			}
			continue
		}
		f.gatherTrait(name, n.Name, n, &names)
	}
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	for i := range max(len(names[0]), len(names[1])) {
		f.person.Name(at(names[0], i), at(names[1], i))
	}
}

// gatherTrait takes what one value of a trait says; name is folded.
func (f *Filter) gatherTrait(name, written string, n *event.Node, names *[2][]string) {
	text, ok := n.IDText()
	if !ok && isBirthTrait(name) {
		text, ok = n.DateText()
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
		first, last := match.SplitName(text)
		f.person.Name(first, last)
		f.person.Phrase(text)
	case "address":
		f.person.Phrase(text)
	case "id", "userid", "customerid", "externalid":
		f.person.ID(text)
	case "phone", "mobile", "mobilephone", "phonenumber", "telephone":
		if f.isKeyPhone(text) {
			return
		}
		for _, v := range match.NormaliseAll(match.Phone, text, f.locale) {
			if v.Form == "" {
				f.person.Digits(text)
			} else if !v.Hashed {
				f.person.Phone(v.Form)
			}
		}
	case "birthday", "birthdate", "dateofbirth", "dob": // isBirthTrait
		if v := match.Normalise(match.BirthDate, text, f.locale, nil); v.Form != "" && !v.Hashed {
			f.person.BirthDate(v.Form)
		}
		f.person.ID(text)
	default:
		words := personal.Words(text)
		if isStreet(name) || (words > 1 || words == 1 && strings.ContainsAny(text, "0123456789")) && f.saysWho(written) {
			f.person.Phrase(text)
		}
	}
}

// isBirthTrait is about a folded name.
func isBirthTrait(name string) bool {
	return name == "birthday" || name == "birthdate" || name == "dateofbirth" || name == "dob"
}

// saysWho says whether a trait's name is that of a name or an address.
func (f *Filter) saysWho(name string) bool {
	says := f.names.read(name, false, true)
	return says.Holds && !says.Place
}

// isKeyPhone says whether a phone number is one that a match key was made of, in the
// forms that tills write it.
func (f *Filter) isKeyPhone(text string) bool {
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
	return n >= minPhoneSuffix && slices.ContainsFunc(f.keys[match.Phone], func(v match.ValueSum) bool {
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
