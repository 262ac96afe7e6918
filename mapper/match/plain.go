package match

import "strings"

// The usual values of match keys are settled here without the long way's rules
// for what is unusual. Each of these functions answers only what the long way
// would answer, and nothing where that is not certain; tests compare them.

// plainName settles names of one or more words of ASCII letters.
func plainName(raw string) (name string, ok bool) {
	s := strings.Trim(raw, " ")
	if len(s) > 31 {
		return "", false
	}
	var room [32]byte
	v := room[:0]
	word, words := 0, 0
	known := false // every word so far may be part of a placeholder
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ' ' {
			c := s[i] | 0x20
			if c < 'a' || c > 'z' {
				return "", false
			}
			v = append(v, c)
			continue
		}
		w := v[word:]
		if len(w) == 0 {
			return "", false
		}
		if words == 0 {
			known = true
			if titles[string(w)] || dottedTitles[string(w)] || i < len(s) && string(w) == "de" {
				return "", false
			}
		}
		known = known && (placeholders[string(w)] || placeholderWords[string(w)] || anyCustomer[string(w)] || kindsOfCustomer[string(w)])
		words++
		if i == len(s) && words > 1 && (degrees[s[len(s)-len(w):]] || legalForms[string(w)] || shoutedForms[string(w)]) {
			return "", false
		}
		word = len(v)
	}
	if words > 1 && known || len(v) < 4 && (words > 1 || len(v) < 3) || placeholders[string(v)] || caseSensitive[s] || runOfOne(string(v)) {
		return "", false
	}
	return string(v), true
}

// plainEmail settles addresses of ASCII letters, digits and . _ + - that end in
// letters.
func plainEmail(raw string) (email string, ok bool) {
	s := strings.Trim(raw, " ")
	if len(s) < 8 || len(s) > 64 {
		return "", false
	}
	var room, squashed [64]byte
	v, q := room[:0], squashed[:0]
	at, dot := 0, 0 // places of the @ and of the last dot behind it
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
			q = append(q, c)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			q = append(q, c)
		case i == 0 || i == len(s)-1 || !alnumASCII(s[i-1]) || !alnumASCII(s[i+1]):
			return "", false // no two signs beside each other
		case c == '@':
			if at > 0 {
				return "", false
			}
			at = i
		case c == '.':
			if at > 0 {
				dot = i
			}
		case c == '-':
		case (c == '_' || c == '+') && at == 0:
		default:
			return "", false
		}
		v = append(v, c)
	}
	if dot == 0 || len(s)-dot < 3 {
		return "", false
	}
	top := v[dot+1:]
	for _, c := range top {
		if c < 'a' || c > 'z' {
			return "", false
		}
	}
	if placeholders[string(top)] || placeholderWords[string(top)] || isPlaceholderForm(string(q)) {
		return "", false
	}
	email = string(v)
	if placeholderAddress(email[:at], email[at+1:]) {
		return "", false
	}
	return email, true
}

func alnumASCII(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
