package fold

import "strings"

// Shortened says whether a number was cut by a spreadsheet: 4.479E+11 stands for a
// hundred million different numbers. One that has kept all of its digits,
// 1.6505551212E+10, is not.
func Shortened(s string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(strings.TrimSpace(s)), "E")
	if !ok {
		return false
	}
	whole, fraction, point := strings.Cut(strings.Replace(strings.TrimPrefix(mantissa, "-"), ",", ".", 1), ".")
	digits, plus := strings.CutPrefix(exponent, "+")
	if len(whole) != 1 || len(digits) < 1 || len(digits) > 3 || !plus && !point || strings.Trim(whole+fraction+digits, "0123456789") != "" {
		return false
	}
	n := 0
	for i := range len(digits) {
		n = 10*n + int(digits[i]-'0')
	}
	return len(fraction) < n
}
