package fold

import (
	"strings"
	"unicode/utf8"
)

// Name returns the name of a property or event as it is compared: in lower case, without
// spaces, underscores, hyphens and full stops.
func Name(s string) string {
	var plain [48]byte // fits almost all names, which are short and ASCII
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf || n == len(plain):
			return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(s))
		case c == ' ' || c == '_' || c == '-' || c == '.':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		plain[n] = c
		n++
	}
	if string(plain[:n]) == s {
		return s
	}
	return string(plain[:n])
}
