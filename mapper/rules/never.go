package rules

import (
	"regexp"
	"slices"
	"strings"

	"relay/internal/strictyaml"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/people"
)

// House are the mapping's never_customers.
type House struct {
	Keys   map[people.Key]bool
	texts  map[string]bool // clean, in lower case
	digits map[string]bool // of phone numbers, however they are punctuated
	globs  []string        // with *, in lower case
}

// Has says whether a name of a person, an id, e-mail address or phone number, is the
// shop's own; countries are the mapping's.
func (r *House) Has(name string, countries []string) bool {
	return r.Text(name) || slices.ContainsFunc(people.KeysOf(name, countries...), func(k people.Key) bool { return r.Keys[k] })
}

// Empty says that the mapping names none.
func (r *House) Empty() bool { return len(r.texts)+len(r.globs) == 0 }

// Text says whether a raw value is the shop's own, also where it is no usable
// match key.
func (r *House) Text(raw string) bool {
	if r.Empty() {
		return false
	}
	s := strings.ToLower(fold.Clean(raw))
	if r.texts[s] || r.digits[phoneDigits(s)] {
		return true
	}
	bare := match.BareAddress(s)
	return slices.ContainsFunc(r.globs, func(glob string) bool { return MatchGlob(glob, s) || MatchGlob(glob, bare) })
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

// MatchGlob says whether s has the form of a pattern, in which * stands for
// any text.
func MatchGlob(glob, s string) bool {
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
		p.m.Staff = p.someSources(v, noConstant("write a path such as properties.cashier; what the shop knows beforehand belongs under never_customers"))
	}
	v, ok := p.key(o, "never_customers")
	if !ok {
		return
	}
	rules := &p.m.House
	*rules = House{Keys: map[people.Key]bool{}, texts: map[string]bool{}, digits: map[string]bool{}}
	for _, item := range v.OneOrList() {
		text, ok := p.word(item)
		if !ok {
			continue
		}
		s := strings.ToLower(fold.Clean(text))
		if strings.Contains(s, "*") {
			if fold.Squash(s) == "" {
				item.Errorf("%s would leave out every customer", item.Written()).WithHint(`write what the shop's own addresses have in common, such as "*@shop.example"`)
			} else if _, domain, ok := strings.Cut(s, "@"); ok && match.IsFreeMailHost(domain) && strings.Trim(s[:strings.IndexByte(s, '@')], "*") == "" {
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
		for _, k := range people.KeysOf(text, p.m.Countries()...) {
			rules.Keys[k] = true
		}
	}
}

var domainForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\.(com|net|org|info|biz|shop|store|eu|example|test|de|at|ch|fr|es|it|nl|be|pt|ie|uk|us|ca|au|nz|in|br|mx|ar|cl|pl|cz|sk|hu|ro|bg|hr|si|rs|gr|tr|se|no|dk|fi|ee|lv|lt|ua|jp|kr|cn|id|my|sg|za|ae|sa)$`)

// isDomain says whether an entry is the name of a mail host: @shop.example, gmail.com.
func isDomain(s string) bool {
	host, at := strings.CutPrefix(s, "@")
	return at && strings.Contains(host, ".") && !strings.Contains(host, "@") || match.IsFreeMailHost(s) || domainForm.MatchString(s)
}
