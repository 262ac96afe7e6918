package match

import "strings"

// The functions in this file are shortcuts for common values of match keys. Each gives the same
// result as the general code, or false when that is not certain. Tests compare them.

// fastName handles names of one or more words of ASCII letters.
func fastName(raw string) (name string, ok bool) {
	s := strings.Trim(raw, " ")
	if len(s) > 31 {
		return "", false
	}
	var buf [32]byte
	v := buf[:0]
	word, words := 0, 0
	known := false // every word so far can be part of a placeholder
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
		if i == len(s) && words > 1 && (degrees[s[len(s)-len(w):]] || legalForms[string(w)] || ambiguousForms[string(w)]) {
			return "", false
		}
		word = len(v)
	}
	if words > 1 && known || len(v) < 4 && (words > 1 || len(v) < 3) || placeholders[string(v)] || caseSensitive[s] || isRepeatedByte(string(v)) {
		return "", false
	}
	return string(v), true
}

// fastEmail handles addresses of ASCII letters, digits and . _ + - that end in letters.
func fastEmail(raw string) (email string, ok bool) {
	s := strings.Trim(raw, " ")
	if len(s) < 8 || len(s) > 64 {
		return "", false
	}
	var buf, squashed [64]byte
	v, q := buf[:0], squashed[:0]
	at, dot := 0, 0 // positions of the @ and of the last dot after it
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
			q = append(q, c)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			q = append(q, c)
		case i == 0 || i == len(s)-1 || !isAlnumByte(s[i-1]) || !isAlnumByte(s[i+1]):
			return "", false // no adjacent punctuation
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
	if isPlaceholderAddress(email[:at], email[at+1:]) {
		return "", false
	}
	return email, true
}

func isAlnumByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
