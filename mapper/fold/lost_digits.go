package fold

import "strings"

// LostDigits reports whether a spreadsheet rounded a number: 4.479E+11 stands for a hundred
// million different numbers. A number that kept all of its digits, such as 1.6505551212E+10,
// has not lost any.
func LostDigits(s string) bool {
	s = strings.TrimPrefix(strings.TrimSpace(s), "-")
	at := strings.IndexAny(s, "eE")
	if at < 1 || !IsDigits(s[:1]) {
		return false
	}
	fraction := ""
	if at > 1 {
		if s[1] != '.' && s[1] != ',' {
			return false
		}
		fraction = s[2:at]
	}
	exponent, plus := strings.CutPrefix(s[at+1:], "+")
	if len(exponent) > 3 || !plus && at == 1 || fraction != "" && !IsDigits(fraction) || !IsDigits(exponent) {
		return false
	}
	n := 0
	for i := range len(exponent) {
		n = 10*n + int(exponent[i]-'0')
	}
	return len(fraction) < n
}
