package mapper

import (
	"slices"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/people"
)

// A house account is a value in place of a customer's: the till's default customer, an address
// or number of the shop (never_customers), or the employee at the till (staff). If it were sent,
// Meta would merge different customers. A house account is treated as absent. If no other value
// identifies the customer, the names and address next to it are treated as absent too.

// houseFound records the house accounts found among the match keys of an event.
type houseFound struct {
	staff       [3][]match.Digest // digests of the employee's values of staffKeys
	ownFound    bool              // a value of the shop or its staff was left out
	placeholder bool              // a value was a placeholder
	unusableID  bool              // a value that would identify the customer cannot be used
}

// staffKeys are the keys that identify staff.
var staffKeys = [3]match.Key{match.Email, match.Phone, match.ExternalID}

// findStaff reads the values that identify the employee. A source can be an object with an id,
// an address and a number.
func (s *subject) findStaff() {
	for i := range s.m.rules.Staff {
		src := &s.m.rules.Staff[i]
		found, err := s.resolve(src, nil)
		if err != nil {
			s.failExpression(src, err)
			return
		}
		for _, n := range found {
			s.addStaff(n, 0)
		}
	}
}

func (s *subject) addStaff(n *event.Node, depth int) {
	if n.Kind == event.Object || n.Kind == event.List {
		for i := range n.Kids {
			if depth < 3 {
				s.addStaff(&n.Kids[i], depth+1)
			}
		}
		return
	}
	raw, ok := n.ScalarText()
	if !ok {
		return
	}
	for i, k := range staffKeys {
		for _, v := range match.NormaliseAll(k, raw, s.locale) {
			if v.Form != "" && len(s.house.staff[i]) < 20 {
				s.house.staff[i] = append(s.house.staff[i], match.SumOf(k, v))
			}
		}
	}
}

// whyHouse returns why a value of a key is a house account, or "" if it is not.
func (s *subject) whyHouse(k match.Key, raw string, v *match.Value) string {
	if !slices.Contains(people.IdentifyingKeys[:], k) {
		return ""
	}
	if !s.m.rules.NeverCustomers.Empty() {
		own := s.m.rules.NeverCustomers.HasText(raw)
		if !own && v.Form != "" {
			key := people.AppendKey(nil, k, *v)[0]
			own = s.m.rules.NeverCustomers.Keys[key]
		}
		if own {
			return "is one of never_customers: the shop's own, not a customer's"
		}
	}
	if v.Form == "" {
		return ""
	}
	for i, staff := range staffKeys {
		if k == staff && len(s.house.staff[i]) > 0 && slices.Contains(s.house.staff[i], match.SumOf(k, *v)) {
			return "belongs to the employee who rang up the sale (staff)"
		}
	}
	return ""
}

// rejectDefaultName rejects a first and last name that together mean the till's default customer
// (Gast and Kunde) or a company (Hofe and GmbH), and a first name alone that means customer
// (Gast).
func (s *subject) rejectDefaultName() {
	first, last := s.keys[match.FirstName], s.keys[match.LastName]
	if len(first) == 1 && len(last) == 0 && !first[0].Hashed && match.IsSoleCustomer(first[0].Form) {
		s.house.placeholder = true
		s.rejectKey(match.FirstName, "first_name_placeholder", "is a till's word for no customer")
		return
	}
	if len(first) != 1 || len(last) != 1 || first[0].Hashed || last[0].Hashed {
		return
	}
	why := ""
	switch {
	case match.IsDefaultCustomer(first[0].Form, last[0].Form):
		why = "is part of the till's default customer"
	case match.IsLegalForm(last[0].Form):
		why = "is part of a company's name"
	default:
		return
	}
	s.house.placeholder = true
	for _, k := range [...]match.Key{match.FirstName, match.LastName} {
		s.rejectKey(k, match.Table[k].Name+"_placeholder", why)
	}
}

// rejectKey removes the values of a key that were accepted before, with a note.
func (s *subject) rejectKey(k match.Key, code, why string) {
	s.keys[k] = nil
	s.results[k].State, s.results[k].Code, s.results[k].Why = KeyUnusable, code, match.Table[k].Name+" "+why
	s.notes.add(code, s.results[k].Source, match.Table[k].Name+" "+why+"; left out")
	if s.x != nil {
		s.x.drop(match.Table[k].Name, code, why)
	}
}

// rejectBesideHouse rejects all values of an event with a house account if nothing else
// identifies the customer: the address is the shop's and, with never_customers or staff, so is
// the name.
func (s *subject) rejectBesideHouse() {
	if !s.house.ownFound && !s.house.placeholder || s.house.unusableID || !s.hasCustomer {
		return
	}
	for _, k := range people.IdentifyingKeys {
		if len(s.keys[k]) > 0 {
			return
		}
	}
	if !s.house.ownFound && len(s.keys[match.FirstName])+len(s.keys[match.LastName]) > 0 {
		return
	}
	const why = "comes with the shop's own customer account, and nothing else identifies the customer"
	s.hasCustomer = false
	for k := range match.Count {
		if len(s.keys[k]) > 0 {
			s.rejectKey(k, noteHouse, why)
		}
	}
}
