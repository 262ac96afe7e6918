package strictyaml

import (
	"strings"
	"unicode"
)

// Suggest returns the candidate most similar to name, or "". It ignores case,
// spaces, dashes, dots and underscores. It allows one mistake in four letters, where
// swapped neighbours count as one, and a shortened or lengthened word ("warning" for
// "warn").
func Suggest(name string, candidates []string) string {
	best, bestDistance := "", 1<<30
	a := fold(name)
	if len(a) == 0 || len(a) > 100 {
		return ""
	}
	for _, c := range candidates {
		b := fold(c)
		if len(b) > 100 || c == name {
			continue
		}
		limit := max(1, max(len(a), len(b))/4)
		if len(a) <= 2 && len(b) <= 2 {
			limit = 0
		}
		d := distance(a, b)
		if short, long := min(len(a), len(b)), max(len(a), len(b)); short >= 3 && 2*short >= long && string(a[:short]) == string(b[:short]) {
			d = min(d, limit)
		}
		if d <= limit && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

func fold(s string) []rune {
	var out []rune
	for _, r := range strings.ToLower(s) {
		if !unicode.IsSpace(r) && r != '-' && r != '_' && r != '.' {
			out = append(out, r)
		}
	}
	return out
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbour (optimal string alignment).
func distance(a, b []rune) int {
	var before []int
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
