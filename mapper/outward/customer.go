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

// gatherKeys collects the values of the match keys by their form, so that a new key needs no
// change here. It skips e-mail addresses (no text with one is sent anyway), gender and parts of
// addresses (ordinary words), and lead ids (assigned by Meta).
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
				f.person.ID(v.Original)
			case meta.DeviceID:
				f.person.ID(v.Form)
			case meta.Date:
				f.person.BirthDate(v.Form)
			case meta.Name:
				if k != match.FirstName && k != match.LastName { // first and last names are added together below
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

// gatherTraits collects the traits that no match key was made from: clients use many names for a
// trait, and each match key uses one.
func (f *Filter) gatherTraits(traits *event.Node) {
	traits = traits.Object()
	if traits == nil {
		return
	}
	var names [2][]string // first and last names
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

// gatherTrait collects the data in one value of a trait. name is folded.
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
		if isStreet(name) || (words > 1 || words == 1 && strings.ContainsAny(text, "0123456789")) && f.isNameOrAddress(written) {
			f.person.Phrase(text)
		}
	}
}

// isBirthTrait reports whether a folded trait name means a date of birth.
func isBirthTrait(name string) bool {
	return name == "birthday" || name == "birthdate" || name == "dateofbirth" || name == "dob"
}

// isNameOrAddress reports whether the name of a trait means a name or an address.
func (f *Filter) isNameOrAddress(name string) bool {
	class := f.names.classify(name, false, true)
	return class.Personal && !class.Place
}

// isKeyPhone reports whether a phone number, in the spellings of tills, is one that became a
// match key.
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
	minPhoneSuffix = 9 // digits at the end that identify a number
)

// isStreet reports whether a folded trait name means a street.
func isStreet(name string) bool {
	switch strings.TrimRight(name, "123") {
	case "street", "line", "address", "addressline", "streetaddress", "streetname":
		return true
	}
	return false
}
