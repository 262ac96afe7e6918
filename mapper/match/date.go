package match

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"relay/mapper/fold"
)

// traceBirthDate reads a date of birth that has one reading only and gives
// YYYYMMDD (docs/meta.md 3.1). 03/04/1997 has two and is left out, unless the locale
// says which comes first; 2/16/1997 has one, and so has 3.4.1997: between dots the day
// comes first. A two-digit year counts when only one century fits.
func traceBirthDate(raw string, l Locale, t *Trace) Value {
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := hashedOr("date_of_birth", s, t); done {
		return n
	}
	if IsPlaceholder(s) {
		return Placeholder("date_of_birth")
	}
	var found []string
	d := dateReader{today: l.Today, slashes: l.Slashes}
	d.read(fold.Era(fold.Lower(fold.Digits(s))))
	for _, r := range d.readings {
		if len(found) == 0 || found[0] != r {
			found = append(found, r)
		}
	}
	switch {
	case len(found) == 0:
		return LeftOut("date_of_birth", "invalid", "is not a date of birth that could be read (its shape is "+shapeOf(s)+"): send 1990-05-17; 17.05.1990, 17 May 1990 and 平成2年5月17日 are read too")
	case len(found) > 1:
		return LeftOut("date_of_birth", "ambiguous", "can be read as more than one date (its shape is "+shapeOf(s)+"): send it as year-month-day, or say the order under time_format")
	case found[0] == "19000101":
		return Placeholder("date_of_birth") // what databases put for nothing
	}
	t.add("one reading only", found[0])
	return Value{Form: found[0]}
}

// shapeOf shows a text by its shape: letters as x, digits as 9.
func shapeOf(s string) string {
	if len(s) > maxShape {
		return "a long text"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsNumber(r):
			return '9'
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			return 'x'
		}
		return r
	}, s)
}

// maxShape is the longest text, in bytes, whose shape is shown.
const maxShape = 60

// Order says which part of a date with slashes or dashes comes first.
type Order uint8

// The orders.
const (
	AnyOrder Order = iota // nobody says
	DayFirst
	MonthFirst
)

type dateReader struct {
	today    time.Time
	slashes  Order
	readings []string
	shifted  bool // it is perhaps the day after
}

// offer keeps y, m, d when they are a day between 1900 and today. A two-digit
// year is offered in both centuries.
func (r *dateReader) offer(ys string, m, d int) {
	y := atoi(ys)
	if len(ys) == 2 {
		r.offerYear(1900+y, m, d)
		r.offerYear(2000+y, m, d)
	} else if len(ys) == 4 {
		if y > r.today.Year()+1 { // a Thai year
			y -= fold.BuddhistYears
		}
		r.offerYear(y, m, d)
	}
}

func (r *dateReader) offerYear(y, m, d int) {
	day := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1900 || day.After(r.today) || day.Month() != time.Month(m) || day.Day() != d {
		return
	}
	r.readings = append(r.readings, day.Format("20060102"))
	if r.shifted {
		r.readings = append(r.readings, day.AddDate(0, 0, 1).Format("20060102"))
	}
}

var (
	isoTime = regexp.MustCompile(`^(\d{4}-?\d{2}-?\d{2})[t ]\s*(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?\s*([ap]\.?m\.?)?\s*(z|utc|gmt|[+-]\d{2}:?\d{0,2})?(?:\[.*\])?$`)
	anyTime = regexp.MustCompile(`^(.*\d)[t, ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?\s*(z|(?:utc|gmt)?(?:[+-]\d{2}:?\d{0,2})?)(?: \([^()]*\))?$`)
	endYear = regexp.MustCompile(`^(.*\d)[, ]+\d{1,2}:\d{2}:\d{2}(?: [a-z]{2,5}| [+-]\d{4})? (\d{4})$`) // Fri Apr  3 00:00:00 CEST 1970
	xsdDate = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:z|[+-]\d{2}:\d{2})$`)
	floatTl = regexp.MustCompile(`^(\d{8})\.0+$`)
	cjkDate = regexp.MustCompile(`^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号]?$`)
	numeric = regexp.MustCompile(`^(\d{1,4})\s*([-/. ])\s*(\d{1,2})\s*([-/. ])\s*(\d{1,4})\.?$`)
)

// read collects every reading of s, which is in lower case.
func (r *dateReader) read(s string) {
	if m := isoTime.FindStringSubmatch(s); m != nil {
		s = m[1]
		if shiftedMidnight(m) {
			if day, err := time.Parse("20060102", strings.ReplaceAll(s, "-", "")); err == nil {
				next := day.AddDate(0, 0, 1)
				r.offerYear(next.Year(), int(next.Month()), next.Day())
			}
		}
	} else if m := xsdDate.FindStringSubmatch(s); m != nil {
		s = m[1]
	} else if m := endYear.FindStringSubmatch(s); m != nil {
		s = m[1] + " " + m[2]
	} else if m := anyTime.FindStringSubmatch(s); m != nil {
		s = m[1]
		r.shifted = shiftedMidnight([]string{"", "", m[2], m[3], m[4], "", m[5]})
	}
	if m := floatTl.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if m := cjkDate.FindStringSubmatch(s); m != nil {
		r.offer(m[1], atoi(m[2]), atoi(m[3]))
		return
	}
	if m := numeric.FindStringSubmatch(s); m != nil {
		switch {
		case m[2] != m[4]:
		case m[2] == "." && len(m[1]) <= 2:
			r.offer(m[5], atoi(m[3]), atoi(m[1])) // as timestamps are read
			if len(r.readings) == 0 && len(m[1]) == 2 && len(m[5]) == 2 {
				r.offer(m[1], atoi(m[3]), atoi(m[5])) // 70.04.03
			}
		case r.slashes == DayFirst && len(m[1]) <= 2 && len(m[5]) == 4:
			r.offer(m[5], atoi(m[3]), atoi(m[1]))
		case r.slashes == MonthFirst && len(m[1]) <= 2 && len(m[5]) == 4:
			r.offer(m[5], atoi(m[1]), atoi(m[3]))
		default:
			r.numeric(m[1], m[3], m[5])
		}
		return
	}
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		r.offer(s[:4], atoi(s[4:6]), atoi(s[6:]))
		r.offer(s[4:], atoi(s[2:4]), atoi(s[:2]))
		r.offer(s[4:], atoi(s[:2]), atoi(s[2:4]))
		return
	}
	r.named(s)
}

func (r *dateReader) numeric(a, b, c string) {
	switch {
	case len(a) == 4:
		if len(c) <= 2 {
			r.offer(a, atoi(b), atoi(c)) // year first is always year, month, day
		}
	case len(c) == 4 && len(a) <= 2:
		r.offer(c, atoi(b), atoi(a))
		r.offer(c, atoi(a), atoi(b))
	case len(a) <= 2 && len(c) == 2:
		r.offer(c, atoi(b), atoi(a))
		r.offer(c, atoi(a), atoi(b))
		if len(a) == 2 {
			r.offer(a, atoi(b), atoi(c))
		}
	}
}

// shiftedMidnight reports a UTC time of day that looks like midnight somewhere
// east of Greenwich: 1997-02-15T23:00:00Z was the 16th where it was entered.
func shiftedMidnight(m []string) bool {
	hour, minute, second, zone := atoi(m[2]), atoi(m[3]), atoi(m[4]), m[6]
	return (zone == "z" || strings.TrimPrefix(strings.TrimPrefix(zone, "utc"), "gmt") == "" && zone != "" || strings.HasSuffix(zone, "+00:00") || strings.HasSuffix(zone, "+0000")) && hour > 12 && minute%15 == 0 && second == 0
}

// named reads a date with the month in words.
func (r *dateReader) named(s string) {
	var nums []string
	month := 0
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !fold.IsWordy(r) }) {
		switch {
		case unicode.IsDigit(rune(w[0])):
			digits := strings.TrimRightFunc(w, unicode.IsLetter)
			if suffix := w[len(digits):]; suffix != "" && !ordinals[suffix] {
				if m, ok := fold.Month(suffix); ok && month == 0 { // 16feb1997 has no break; 16feb has
					month = m
				} else {
					return
				}
			}
			if strings.Trim(digits, "0123456789") != "" {
				return
			}
			nums = append(nums, digits)
		case dateFillers[w]:
		default:
			letters := strings.TrimRight(w, "0123456789")
			m, ok := fold.Month(letters)
			if letters == w && (month != 0 || !ok) && (fold.IsWeekday(w) || fold.IsDateFiller(w)) {
				continue
			}
			if !ok || month != 0 {
				return
			}
			month = m
			if rest := w[len(letters):]; rest != "" {
				nums = append(nums, rest)
			}
		}
	}
	if month == 0 || len(nums) != 2 {
		return
	}
	a, b := nums[0], nums[1]
	switch {
	case len(a) == 4 && len(b) <= 2:
		r.offer(a, month, atoi(b))
	case len(a) <= 2 && len(b) == 4:
		r.offer(b, month, atoi(a))
	case len(a) <= 2 && len(b) == 2:
		r.offer(b, month, atoi(a))
		if len(a) == 2 {
			r.offer(a, month, atoi(b))
		}
	}
}

var (
	ordinals    = wordSet("st nd rd th er ère e º ª de")
	dateFillers = wordSet(`de del of the le den d mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday
		montag dienstag mittwoch donnerstag freitag samstag sonntag г года год`)
)

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
