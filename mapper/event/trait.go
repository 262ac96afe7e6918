package event

import "unicode/utf8"

// traitSpellings are the names that senders give a trait beside the one that
// Segment specifies, in small letters and digits alone; the likeliest first. A trait
// is found in any case and with any separators. Sources: RudderStack's
// configuration of this destination, Shopify, WooCommerce
// and what tills export.
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

// trait finds a trait by one of its spellings, the first that is not blank.
// Invariant: s.spellings is not empty.
func (s *part) trait(n *Node) *Node {
	var found *Node
	best := len(s.spellings)
	for i := range n.Kids {
		kid := &n.Kids[i]
		if len(kid.Name) == 0 || s.initials&initial(kid.Name[0]) == 0 || kid.Blank() {
			continue
		}
		var room [40]byte
		if len(kid.Name) > len(room) {
			continue
		}
		folded := foldTrait(room[:0], kid.Name)
		for at, spelling := range s.spellings[:best] {
			if string(folded) == spelling {
				found, best = kid, at
				break
			}
		}
	}
	return found
}

// spell gives a part that names a trait its spellings.
func (s *part) spell() {
	folded := string(foldTrait(nil, s.name))
	s.spellings = traitSpellings[folded]
	if s.spellings == nil {
		s.spellings = []string{folded}
	}
	for _, spelling := range s.spellings {
		if spelling != "" {
			s.initials |= initial(spelling[0])
		}
	}
}

// foldTrait appends the letters and digits of a name, in lower case: firstName,
// first_name and First-Name are one.
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

// initial is a bit for the first letter of a name, in any case; names that
// begin with something else share one.
func initial(c byte) uint32 {
	switch {
	case 'a' <= c && c <= 'z':
		return 1 << (c - 'a')
	case 'A' <= c && c <= 'Z':
		return 1 << (c - 'A')
	case c < utf8.RuneSelf && c != '_' && c != '$':
		return 1 << 26
	}
	return 1<<27 - 1 // what folds away before a letter
}
