package event

import "unicode/utf8"

// traitSpellings are the names that senders use for a trait besides the one that Segment
// specifies, in lower-case letters and digits; the likeliest first. A trait is found in any
// case and with any separators. Sources: RudderStack's settings for this destination, Shopify,
// WooCommerce and exports of tills.
var traitSpellings = map[string][]string{
	"email":      {"email", "emailaddress"},
	"phone":      {"phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "telephone"},
	"firstname":  {"firstname", "givenname", "fname"},
	"lastname":   {"lastname", "familyname", "surname", "lname"},
	"name":       {"name", "fullname"},
	"gender":     {"gender"},
	"birthday":   {"birthday", "birthdate", "dateofbirth", "dob"},
	"city":       {"city", "town"},
	"state":      {"state", "region", "province", "statecode", "provincecode"},
	"postalcode": {"postalcode", "zip", "zipcode", "postcode"},
	"country":    {"country", "countrycode"},
}

// findTrait returns the member of n that is a spelling of the trait and is not blank. The
// likeliest spelling wins. Invariant: s.spellings is not empty.
func (s *part) findTrait(n *Node) *Node {
	var found *Node
	best := len(s.spellings)
	for i := range n.Kids {
		kid := &n.Kids[i]
		if len(kid.Name) == 0 || s.initials&initialBit(kid.Name[0]) == 0 || kid.Blank() {
			continue
		}
		var buf [40]byte
		if len(kid.Name) > len(buf) {
			continue
		}
		folded := foldTrait(buf[:0], kid.Name)
		for at, spelling := range s.spellings[:best] {
			if string(folded) == spelling {
				found, best = kid, at
				break
			}
		}
	}
	return found
}

// addSpellings gives a part that names a trait its spellings.
func (s *part) addSpellings() {
	folded := string(foldTrait(nil, s.name))
	s.spellings = traitSpellings[folded]
	if s.spellings == nil {
		s.spellings = []string{folded}
	}
	for _, spelling := range s.spellings {
		if spelling != "" {
			s.initials |= initialBit(spelling[0])
		}
	}
}

// foldTrait appends the letters and digits of a name in lower case, so that firstName,
// first_name and First-Name are equal.
func foldTrait(dst []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= utf8.RuneSelf:
			dst = append(dst, c)
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		}
	}
	return dst
}

// initialBit returns a bit for the first letter of a name, in any case. Characters that
// foldTrait removes match every bit; all others share one.
func initialBit(c byte) uint32 {
	switch {
	case 'a' <= c && c <= 'z':
		return 1 << (c - 'a')
	case 'A' <= c && c <= 'Z':
		return 1 << (c - 'A')
	case c < utf8.RuneSelf && c != '_' && c != '$':
		return 1 << 26
	}
	return 1<<27 - 1 // foldTrait removes it
}
