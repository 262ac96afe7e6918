package mapper

import (
	"regexp"
	"slices"
	"strings"

	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
)

// A sale may carry a customer who is none: the till's default or walk-in
// customer, an address or number of the shop's own (never_customers), or
// whoever rang it up (staff). Meta would join strangers by it. Such a value
// counts as absent, and where it was all that said who the customer is, so do
// the names and the address beside it.

// houseRules are the mapping's never_customers.
type houseRules struct {
	keys   map[MatchKey]bool
	texts  map[string]bool // clean, in lower case
	digits map[string]bool // of phone numbers, however they are punctuated
	globs  []string        // with *, in lower case
}

// NeverCustomer says whether a name of a person, an id, e-mail address or phone
// number, is one that the mapping's never_customers keeps for the shop itself.
func (m *Mapping) NeverCustomer(name string) bool {
	return m.house.text(name) || slices.ContainsFunc(m.KeysOf(name), func(k MatchKey) bool { return m.house.keys[k] })
}

// empty says that the mapping names none.
func (r *houseRules) empty() bool { return len(r.texts)+len(r.globs) == 0 }

// text says whether a raw value is the shop's own, also where it is no usable
// match key.
func (r *houseRules) text(raw string) bool {
	if r.empty() {
		return false
	}
	s := strings.ToLower(fold.Clean(raw))
	if r.texts[s] || r.digits[phoneDigits(s)] {
		return true
	}
	bare := match.BareAddress(s)
	return slices.ContainsFunc(r.globs, func(glob string) bool { return matchGlob(glob, s) || matchGlob(glob, bare) })
}

// phoneDigits are the digits of what can be a phone number, "" of anything else.
func phoneDigits(s string) string {
	s = fold.Digits(s)
	if strings.Trim(s, "+0123456789 -./()") != "" {
		return ""
	}
	digits := fold.OnlyDigits(s)
	if len(digits) < 5 {
		return ""
	}
	return digits
}

// matchGlob says whether s has the form of a pattern, in which * stands for
// any text.
func matchGlob(glob, s string) bool {
	head, rest, star := strings.Cut(glob, "*")
	if !strings.HasPrefix(s, head) {
		return false
	}
	if s = s[len(head):]; !star {
		return s == ""
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], more
	}
}

// houseAccounts reads never_customers and staff.
func (p *parser) houseAccounts(o *strictyaml.Object) {
	if v, ok := p.key(o, "staff"); ok {
		p.m.staff = p.someSources(v, noConstant("write a path such as properties.cashier; what the shop knows beforehand belongs under never_customers"))
	}
	v, ok := p.key(o, "never_customers")
	if !ok {
		return
	}
	rules := &p.m.house
	*rules = houseRules{keys: map[MatchKey]bool{}, texts: map[string]bool{}, digits: map[string]bool{}}
	for _, item := range v.OneOrList() {
		text, ok := p.word(item)
		if !ok {
			continue
		}
		s := strings.ToLower(fold.Clean(text))
		if strings.Contains(s, "*") {
			if fold.Squash(s) == "" {
				item.Errorf("%s would leave out every customer", item.Written()).WithHint(`write what the shop's own addresses have in common, such as "*@shop.example"`)
			} else if _, domain, ok := strings.Cut(s, "@"); ok && match.IsMailHost(domain) && strings.Trim(s[:strings.IndexByte(s, '@')], "*") == "" {
				item.Warnf("%s leaves out every customer with an address there", item.Written())
			}
			rules.globs = append(rules.globs, s)
			continue
		}
		if isDomain(s) {
			item.Warnf("%s is no e-mail address, and so nobody's", item.Written()).WithHint(`write "*@%s" for every address there`, strings.TrimPrefix(s, "@"))
		}
		rules.texts[s] = true
		if digits := phoneDigits(s); digits != "" {
			rules.digits[digits] = true
		}
		for _, k := range p.m.KeysOf(text) {
			rules.keys[k] = true
		}
	}
}

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
	for i := range s.m.staff {
		src := &s.m.staff[i]
		found, err := src.resolve(s, nil)
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
		for _, v := range match.Values(k, raw, s.locale) {
			if v.Form != "" && len(s.house.staff[i]) < 20 {
				s.house.staff[i] = append(s.house.staff[i], match.SumOf(k, v))
			}
		}
	}
}

// whyHouse says why a value of a key is no customer's, "" when it may be one's.
func (s *subject) whyHouse(k match.Key, raw string, v *match.Value) string {
	if !slices.Contains(keysOfPeople[:], k) {
		return ""
	}
	if !s.m.house.empty() {
		own := s.m.house.text(raw)
		if !own && v.Form != "" {
			key := appendKey(nil, k, *v)[0]
			own = s.m.house.keys[key]
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
	if !s.house.own && !s.house.nobody || s.house.unknown || !s.customer {
		return
	}
	for _, k := range keysOfPeople {
		if len(s.keys[k]) > 0 {
			return
		}
	}
	if !s.house.own && len(s.keys[match.FirstName])+len(s.keys[match.LastName]) > 0 {
		return
	}
	const why = "stands beside the till's own customer, and nothing says who the customer is"
	s.customer = false
	for k := range match.Count {
		if len(s.keys[k]) > 0 {
			s.takeBack(k, noteHouse, why)
		}
	}
}

var domainForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\.(com|net|org|info|biz|shop|store|eu|example|test|de|at|ch|fr|es|it|nl|be|pt|ie|uk|us|ca|au|nz|in|br|mx|ar|cl|pl|cz|sk|hu|ro|bg|hr|si|rs|gr|tr|se|no|dk|fi|ee|lv|lt|ua|jp|kr|cn|id|my|sg|za|ae|sa)$`)

// isDomain says whether an entry is the name of a mail host: @shop.example, gmail.com.
func isDomain(s string) bool {
	host, at := strings.CutPrefix(s, "@")
	return at && strings.Contains(host, ".") && !strings.Contains(host, "@") || match.IsMailHost(s) || domainForm.MatchString(s)
}
