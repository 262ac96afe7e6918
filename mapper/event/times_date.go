package event

import (
	"slices"
	"strings"
	"time"

	"relay/mapper/fold"
)

// readDate reads a date: digits with the year first, digits with the day first separated by
// dots, YYYYMMDD, or a month in words. Weekdays and words without meaning can surround it.
func (r *timeReader) readDate(s string) (year, month, day int, ok bool) {
	words := dateWords(s)
	if hasMonthName(words) {
		return r.readMonthName(words)
	}
	for _, w := range words {
		if !w.digits && !isFiller(w.text) {
			return 0, 0, 0, false
		}
	}
	s = strings.TrimFunc(s, func(c rune) bool { return c < '0' || c > '9' })
	if len(s) == 8 && fold.IsDigits(s) {
		return atoi(s[:4]), atoi(s[4:6]), atoi(s[6:]), true
	}
	m := numbers3.FindStringSubmatch(s)
	if m == nil {
		return 0, 0, 0, false
	}
	a, b, c := atoi(m[1]), atoi(m[3]), atoi(m[5])
	switch {
	case m[2] != m[4]:
	case len(m[1]) == 4 && len(m[5]) <= 2:
		return a, b, c, true
	case len(m[5]) != 4 || len(m[1]) > 2:
	case m[2] == ".":
		return c, b, a, true
	case m[2] == "/" && r.meridiem != "":
		switch monthFirst, dayFirst := a <= 12, b <= 12; {
		case monthFirst && dayFirst && a != b:
		case monthFirst:
			return c, a, b, true
		case dayFirst:
			return c, b, a, true
		}
	}
	return 0, 0, 0, false
}

// dateWord is a run of digits or a run of letters in a date.
type dateWord struct {
	text   string
	digits bool
	dotted bool // followed by a full stop
}

func dateWords(s string) (words []dateWord) {
	for s != "" {
		start := strings.IndexFunc(s, fold.IsWordy)
		if start < 0 {
			return words
		}
		s = s[start:]
		digits := s[0] >= '0' && s[0] <= '9'
		end := strings.IndexFunc(s, func(c rune) bool { return !fold.IsWordy(c) || (c >= '0' && c <= '9') != digits })
		if end < 0 {
			end = len(s)
		}
		words = append(words, dateWord{s[:end], digits, strings.HasPrefix(s[end:], ".")})
		s = s[end:]
	}
	return words
}

// isFiller reports whether a word in a date can be ignored: a weekday or a word without
// meaning.
func isFiller(w string) bool { return fold.IsDateFiller(w) || fold.IsWeekday(w) }

// hasMonthName reports whether one of the words is a month.
func hasMonthName(words []dateWord) bool {
	for _, w := range words {
		if _, ok := monthWord(w.text); ok && !w.digits && !isFiller(w.text) {
			return true
		}
	}
	for _, w := range words { // "mar" is both March and an abbreviation of Tuesday
		if _, ok := fold.Month(w.text); ok && !w.digits {
			return true
		}
	}
	return false
}

// monthWord returns the month for a name, or for a Roman numeral as used in Eastern Europe.
func monthWord(w string) (int, bool) {
	if m, ok := fold.Month(w); ok {
		return m, true
	}
	m, ok := romanMonths[w]
	return m, ok
}

var romanMonths = map[string]int{"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10, "xi": 11, "xii": 12}

// readMonthName reads a date with the month in words: Nov 20 2026, 20 de noviembre de 2026,
// 20-Nov-26, 20Nov2026, November 20th, 2026, Freitag, den 20. November 2026.
func (r *timeReader) readMonthName(words []dateWord) (year, month, day int, ok bool) {
	var nums []string
	var perhaps []string // month names that are also weekdays or fillers
	dotted := false
	for _, w := range words {
		m, known := monthWord(w.text)
		switch {
		case w.digits:
			nums = append(nums, w.text)
			dotted = dotted || w.dotted && len(w.text) <= 2 && month == 0
		case known && isFiller(w.text):
			perhaps = append(perhaps, w.text)
		case known && month != 0:
			return 0, 0, 0, false
		case known:
			if other, ok := fold.CroatianMonth(w.text); ok {
				if isCroatian(r.loc) {
					m = other
				} else if dotted && strings.HasPrefix(w.text, "listopada") {
					return 0, 0, 0, false // only Croatian writes the dot, so 20. listopada 2026 is in October
				}
			}
			month = m
		case !isFiller(w.text):
			return 0, 0, 0, false
		}
	}
	if month == 0 && len(slices.Compact(perhaps)) == 1 { // also "mar. 24 mar. 2026", a Tuesday in March
		month, _ = monthWord(perhaps[0])
	}
	if r.year != "" {
		nums = append(nums, r.year)
	}
	if month == 0 || len(nums) != 2 {
		return 0, 0, 0, false
	}
	d, y := nums[0], nums[1]
	if len(d) == 4 { // 2026 Nov 20
		d, y = y, d
	}
	switch {
	case len(d) > 2:
		return 0, 0, 0, false
	case len(y) == 2: // RFC 850; the year is in this century
		y = "20" + y
	case len(y) != 4:
		return 0, 0, 0, false
	}
	return atoi(y), month, atoi(d), true
}

// isCroatian reports whether times in loc come from a place where Croatian is written.
func isCroatian(loc *time.Location) bool {
	switch loc.String() {
	case "Europe/Zagreb", "Europe/Sarajevo":
		return true
	}
	return false
}
