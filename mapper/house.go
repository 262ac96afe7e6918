package mapper

import (
	"slices"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/people"
)

// A sale may carry a customer who is none: the till's default or walk-in
// customer, an address or number of the shop's own (never_customers), or
// whoever rang it up (staff). Meta would join strangers by it. Such a value
// counts as absent, and where it was all that said who the customer is, so do
// the names and the address beside it.

// houseFound is what deriving the keys of one event found out about house
// accounts.
type houseFound struct {
	staff   [3][]match.Digest // e-mail, phone and external_id of whoever rang the sale up
	own     bool              // a value was left out as the shop's own or as staff's
	nobody  bool              // a value was a placeholder
	unknown bool              // a value that would say who the customer is cannot be used
}

// staffKeys are the keys by which staff is known.
var staffKeys = [3]match.Key{match.Email, match.Phone, match.ExternalID}

// findStaff reads whoever rang the sale up. A source may lead to an object with
// the person's id, address and number.
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

// whyHouse says why a value of a key is no customer's, "" when it may be one's.
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

// settleDefaultName takes back a first and a last name that are the till's default
// customer together, Gast and Kunde, or a company, Hofe and GmbH; and a first name alone
// that is what a till calls nobody: Gast.
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

// takeBack leaves out the values of a key after all.
func (s *subject) takeBack(k match.Key, code, why string) {
	s.keys[k] = nil
	s.results[k].State, s.results[k].Code, s.results[k].Why = KeyUnusable, code, match.Table[k].Name+" "+why
	s.notes.add(code, s.results[k].Source, match.Table[k].Name+" "+why+"; left out")
	if s.x != nil {
		s.x.drop(match.Table[k].Name, code, why)
	}
}

// settleHouse takes back what stands beside a customer who is none: when
// nothing else says who the customer is, the address, and beside the shop's
// own accounts the name too, is the till's.
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
