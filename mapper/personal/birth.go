package personal

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// day is a date of birth.
type day struct{ year, month, day int }

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// holdsBirthDate reports whether a text contains the date of birth, written as a date:
// 1985-12-10T00:00:00Z, Dec 10, 1985, 10. Dezember 1985, 12/10/85.
func (p *Person) holdsBirthDate(text string) bool {
	if strings.ContainsAny(text, "年년") {
		text = eastAsianDateWords.Replace(fold.Era(normalise(text)))
	}
	if !strings.ContainsAny(text, "0123456789") {
		return false
	}
	text = fold.Era(text)
	var last [3]dateWord // the last three words of the text, the latest at the end
	for len(text) > 0 {
		var w dateWord
		if w, text = nextDateWord(text); w.text == "" {
			continue
		}
		last = [3]dateWord{last[1], last[2], w}
		if last[0].text != "" && slices.ContainsFunc(p.births[:p.born], func(d day) bool { return d.is(last) }) {
			return true
		}
	}
	return false
}

// eastAsianDateWords replaces the words for year and month after their numbers in Chinese, Japanese and
// Korean.
var eastAsianDateWords = strings.NewReplacer("年", "-", "月", "-", "년", "-", "월", "-")

// dateWord is a run of digits or a month name, with the character before it.
type dateWord struct {
	text   string
	month  int // set for a month name
	before rune
}

// nextDateWord cuts the first run of digits or letters off text. Words other than months have
// no text, so that words inside dates (th, de, of) are skipped.
func nextDateWord(text string) (w dateWord, rest string) {
	start := strings.IndexFunc(text, func(r rune) bool { return '0' <= r && r <= '9' || unicode.IsLetter(r) })
	if start < 0 {
		return w, ""
	}
	if start > 0 {
		w.before, _ = utf8.DecodeLastRuneInString(text[:start])
	}
	text = text[start:]
	is := unicode.IsLetter
	if '0' <= text[0] && text[0] <= '9' {
		is = func(r rune) bool { return '0' <= r && r <= '9' }
	}
	end := strings.IndexFunc(text, func(r rune) bool { return !is(r) })
	if end < 0 {
		end = len(text)
	}
	if '0' <= text[0] && text[0] <= '9' {
		w.text = text[:end]
		return w, text[end:]
	}
	if month, ok := fold.Month(strings.ToLower(text[:end])); ok {
		w.text, w.month = text[:end], month
	}
	return w, text[end:]
}

// is reports whether three words are this date, in any usual order of dates. Numbers must be
// separated by - / . or a blank, and a two-digit year not by a blank.
func (d day) is(w [3]dateWord) bool {
	month := slices.IndexFunc(w[:], func(w dateWord) bool { return w.month != 0 })
	if month < 0 {
		return d.isNumbers(w)
	}
	if w[month].month != d.month {
		return false
	}
	rest := slices.Delete(slices.Clone(w[:]), month, month+1)
	return rest[0].month == 0 && rest[1].month == 0 &&
		(d.isDay(rest[0].text) && d.isYear(rest[1].text, true) || d.isYear(rest[0].text, false) && d.isDay(rest[1].text))
}

func (d day) isNumbers(w [3]dateWord) bool {
	if w[1].before != w[2].before || !strings.ContainsRune("-/. ", w[1].before) {
		return false
	}
	short := w[1].before != ' '
	a, b, c := w[0].text, w[1].text, w[2].text
	return d.isYear(c, short) && (d.isDay(a) && d.isMonth(b) || d.isMonth(a) && d.isDay(b)) ||
		d.isYear(a, false) && d.isMonth(b) && d.isDay(c)
}

func (d day) isDay(digits string) bool   { return len(digits) <= 2 && number(digits) == d.day }
func (d day) isMonth(digits string) bool { return len(digits) <= 2 && number(digits) == d.month }

func (d day) isYear(digits string, short bool) bool {
	return len(digits) == 4 && (number(digits) == d.year || number(digits) == d.year+fold.BuddhistYears) || short && len(digits) == 2 && number(digits) == d.year%100
}
