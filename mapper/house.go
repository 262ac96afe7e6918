package mapper

import (
	"slices"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/people"
)

// A sale can name a customer who is not one: the till's default customer, an address or number
// of the shop (never_customers), or the employee at the till (staff). Meta would merge
// different customers by it. Such a value counts as absent. If no other value identifies the
// customer, the names and address next to it count as absent too.

// houseFound records what deriving the keys of an event found about house accounts.
type houseFound struct {
	staff   [3][]match.Digest // e-mail, phone and external_id of the employee
	own     bool              // a value of the shop or its staff was left out
	nobody  bool              // a value was a placeholder
	unknown bool              // a value that would identify the customer cannot be used
}

// staffKeys are the keys that identify staff.
var staffKeys = [3]match.Key{match.Email, match.Phone, match.ExternalID}

// findStaff reads the employee's ids. A source can lead to an object with id, address and
// number.
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

// whyHouse returns why a value of a key is not a customer's, or "".
func (s *subject) whyHouse(k match.Key, raw string, v *match.Value) string {
	if !slices.Contains(people.Kinds[:], k) {
		return ""
	}
	if !s.m.rules.House.Empty() {
		own := s.m.rules.House.Text(raw)
		if !own && v.Form != "" {
			key := people.AppendKey(nil, k, *v)[0]
			own = s.m.rules.House.Keys[key]
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
			return "is that of whoever rang the sale up (staff)"
		}
	}
	return ""
}

// settleDefaultName rejects a first and last name that together are the till's default customer
// (Gast and Kunde) or a company (Hofe and GmbH), and a first name without last name that means
// customer: Gast.
func (s *subject) settleDefaultName() {
	first, last := s.keys[match.FirstName], s.keys[match.LastName]
	if len(first) == 1 && len(last) == 0 && !first[0].Hashed && match.IsSoleCustomer(first[0].Form) {
		s.house.nobody = true
		s.takeBack(match.FirstName, "first_name_placeholder", "is what a till calls nobody")
		return
	}
	if len(first) != 1 || len(last) != 1 || first[0].Hashed || last[0].Hashed {
		return
	}
	why := ""
	switch {
	case match.IsDefaultCustomer(first[0].Form, last[0].Form):
		why = "is half of the till's default customer"
	case match.IsLegalForm(last[0].Form):
		why = "is half of a company's name"
	default:
		return
	}
	s.house.nobody = true
	for _, k := range [...]match.Key{match.FirstName, match.LastName} {
		s.takeBack(k, match.Table[k].Name+"_placeholder", why)
	}
}

// takeBack rejects the values of a key.
func (s *subject) takeBack(k match.Key, code, why string) {
	s.keys[k] = nil
	s.results[k].State, s.results[k].Code, s.results[k].Why = KeyUnusable, code, match.Table[k].Name+" "+why
	s.notes.add(code, s.results[k].Source, match.Table[k].Name+" "+why+"; left out")
	if s.x != nil {
		s.x.drop(match.Table[k].Name, code, why)
	}
}

// settleHouse rejects values next to a house account if nothing else identifies the customer:
// the address belongs to the till, and next to the shop's own accounts so does the name.
func (s *subject) settleHouse() {
	if !s.house.own && !s.house.nobody || s.house.unknown || !s.hasCustomer {
		return
	}
	for _, k := range people.Kinds {
		if len(s.keys[k]) > 0 {
			return
		}
	}
	if !s.house.own && len(s.keys[match.FirstName])+len(s.keys[match.LastName]) > 0 {
		return
	}
	const why = "stands beside the till's own customer, and nothing says who the customer is"
	s.hasCustomer = false
	for k := range match.Count {
		if len(s.keys[k]) > 0 {
			s.takeBack(k, noteHouse, why)
		}
	}
}
