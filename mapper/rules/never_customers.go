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

// NeverCustomers holds the never_customers of the mapping: ids, addresses and numbers of the shop
// itself.
type NeverCustomers struct {
	Keys   map[people.Key]bool
	texts  map[string]bool // cleaned, in lower case
	digits map[string]bool // of phone numbers, without punctuation
	globs  []string        // patterns with *, in lower case
}

// Has reports whether the name of a person (an id, e-mail address or phone number) belongs to
// the shop. countries are those of the mapping.
func (r *NeverCustomers) Has(name string, countries []string) bool {
	return r.HasText(name) || slices.ContainsFunc(people.KeysOf(name, countries...), func(k people.Key) bool { return r.Keys[k] })
}

// Empty reports whether the mapping has no never_customers.
func (r *NeverCustomers) Empty() bool { return len(r.texts)+len(r.globs) == 0 }

// HasText reports whether a raw value belongs to the shop, even if it is not usable as a match
// key.
func (r *NeverCustomers) HasText(raw string) bool {
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

// phoneDigits returns the digits of a text that could be a phone number, else "".
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

// MatchGlob reports whether s matches a pattern in which * stands for any text.
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
		p.m.Staff = p.someSources(v, noConstant("write a path such as properties.cashier; known ids and addresses belong under never_customers"))
	}
	v, ok := p.key(o, "never_customers")
	if !ok {
		return
	}
	rules := &p.m.NeverCustomers
	*rules = NeverCustomers{Keys: map[people.Key]bool{}, texts: map[string]bool{}, digits: map[string]bool{}}
	for _, item := range v.OneOrList() {
		text, ok := p.nonBlankText(item)
		if !ok {
			continue
		}
		s := strings.ToLower(fold.Clean(text))
		if strings.Contains(s, "*") {
			if fold.Squash(s) == "" {
				item.Errorf("%s would leave out all customers", item.Written()).WithHint(`write what the shop's own addresses have in common, such as "*@shop.example"`)
			} else if _, domain, ok := strings.Cut(s, "@"); ok && match.IsFreeMailHost(domain) && strings.Trim(s[:strings.IndexByte(s, '@')], "*") == "" {
				item.Warnf("%s leaves out all customers with an address there", item.Written())
			}
			rules.globs = append(rules.globs, s)
			continue
		}
		if isDomain(s) {
			item.Warnf("%s is not an e-mail address", item.Written()).WithHint(`write "*@%s" for all addresses there`, strings.TrimPrefix(s, "@"))
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

// isDomain reports whether an entry is the domain of a mail host: @shop.example, gmail.com.
func isDomain(s string) bool {
	host, at := strings.CutPrefix(s, "@")
	return at && strings.Contains(host, ".") && !strings.Contains(host, "@") || match.IsFreeMailHost(s) || domainForm.MatchString(s)
}
