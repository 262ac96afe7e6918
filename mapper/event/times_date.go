package event

import (
	"strings"
	"time"

	"relay/mapper/fold"
)

// date reads a date: digits with the year first, digits with the day first
// between dots, YYYYMMDD, or a month in words. Days of the week and words that say
// nothing may stand before and behind it.
func (r *timeReader) date(s string) (year, month, day int, ok bool) {
	words := dateWords(s)
	if named(words) {
		return r.monthOf(words)
	}
	for _, w := range words {
		if !w.digits && !passable(w.text) {
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
	case m[2] == "/" && r.half != "":
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

// dateWord is a run of digits or of letters in a date.
type dateWord struct {
	text   string
	digits bool
	dotted bool // a full stop follows
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

// passable says whether a word of a date says nothing that is not said otherwise.
func passable(w string) bool { return fold.IsDateFiller(w) || fold.IsWeekday(w) }

// named says whether a date has a word that is a month.
func named(words []dateWord) bool {
	for _, w := range words {
		if _, ok := monthWord(w.text); ok && !w.digits && !passable(w.text) {
			return true
		}
	}
	for _, w := range words { // mar is a month, and a Tuesday
		if _, ok := fold.Month(w.text); ok && !w.digits {
			return true
		}
	}
	return false
}

// monthWord is a month in words, or in the Roman numerals of Eastern Europe.
func monthWord(w string) (int, bool) {
	if m, ok := fold.Month(w); ok {
		return m, true
	}
	m, ok := romanMonths[w]
	return m, ok
}

var romanMonths = map[string]int{"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10, "xi": 11, "xii": 12}

// monthOf reads a date whose month is a word: Nov 20 2026, 20 de noviembre de
// 2026, 20-Nov-26, 20Nov2026, November 20th, 2026, Freitag, den 20. November 2026.
func (r *timeReader) monthOf(words []dateWord) (year, month, day int, ok bool) {
	var nums []string
	var perhaps []string // months that are days of the week as well, or stand for nothing
	dotted := false
	for _, w := range words {
		m, known := monthWord(w.text)
		switch {
		case w.digits:
			nums = append(nums, w.text)
			dotted = dotted || w.dotted && len(w.text) <= 2 && month == 0
		case known && passable(w.text):
			perhaps = append(perhaps, w.text)
		case known && month != 0:
			return 0, 0, 0, false
		case known:
			if other, ok := fold.CroatianMonth(w.text); ok {
				if croatian(r.loc) {
					m = other
				} else if dotted && strings.HasPrefix(w.text, "listopada") {
					return 0, 0, 0, false // 20. listopada 2026 is in October, and nobody but Croats writes a dot
				}
			}
			month = m
		case !passable(w.text):
			return 0, 0, 0, false
		}
	}
	if month == 0 && len(perhaps) == 1 {
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
	case len(y) == 2: // RFC 850, of this century
		y = "20" + y
	case len(y) != 4:
		return 0, 0, 0, false
	}
	return atoi(y), month, atoi(d), true
}

// croatian says whether the times are those of a place where Croatian is written.
func croatian(loc *time.Location) bool {
	switch loc.String() {
	case "Europe/Zagreb", "Europe/Sarajevo":
		return true
	}
	return false
}
