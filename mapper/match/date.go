package match

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"relay/mapper/fold"
)

// normaliseBirthDate returns a date of birth as YYYYMMDD if it has exactly one reading
// (docs/meta.md 3.1). 03/04/1997 has two and is rejected unless the locale gives the order.
// 2/16/1997 has one. So has 3.4.1997: between dots the day comes first. A two-digit year is
// accepted if only one century is possible.
func normaliseBirthDate(raw string, l Locale, t *Trace) Value {
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("date_of_birth", s, t); done {
		return n
	}
	if IsPlaceholder(s) {
		return RejectPlaceholder("date_of_birth")
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
		return Reject("date_of_birth", "invalid", "is not a readable date of birth (its shape is "+shapeOf(s)+"): send 1990-05-17; 17.05.1990, 17 May 1990 and 平成2年5月17日 are also accepted")
	case len(found) > 1:
		return Reject("date_of_birth", "ambiguous", "can be read as more than one date (its shape is "+shapeOf(s)+"): send it as year-month-day, or set the order with time_format")
	case found[0] == "19000101":
		return RejectPlaceholder("date_of_birth") // the default of databases
	}
	t.add("unambiguous date", found[0])
	return Value{Form: found[0]}
}

// shapeOf shows the shape of a text: letters as x, digits as 9.
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

// maxShape is the longest text, in bytes, for which shapeOf shows the characters.
const maxShape = 60

// DateOrder is the order of day and month in a date with slashes or dashes.
type DateOrder uint8

// The orders.
const (
	AnyOrder DateOrder = iota // not configured
	DayFirst
	MonthFirst
)

// dateReader collects the possible readings of a date.
type dateReader struct {
	today        time.Time
	slashes      DateOrder
	readings     []string
	maybeNextDay bool // the date could be one day later
}

// offer adds the date y-m-d if it is between 1900 and today. A two-digit year is tried in both
// centuries.
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
	if r.maybeNextDay {
		r.readings = append(r.readings, day.AddDate(0, 0, 1).Format("20060102"))
	}
}

var (
	isoTime   = regexp.MustCompile(`^(\d{4}-?\d{2}-?\d{2})[t ]\s*(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?\s*([ap]\.?m\.?)?\s*(z|utc|gmt|[+-]\d{2}:?\d{0,2})?(?:\[.*\])?$`)
	anyTime   = regexp.MustCompile(`^(.*\d)[t, ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?\s*(z|(?:utc|gmt)?(?:[+-]\d{2}:?\d{0,2})?)(?: \([^()]*\))?$`)
	endYear   = regexp.MustCompile(`^(.*\d)[, ]+\d{1,2}:\d{2}:\d{2}(?: [a-z]{2,5}| [+-]\d{4})? (\d{4})$`) // Fri Apr  3 00:00:00 CEST 1970
	xsdDate   = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:z|[+-]\d{2}:\d{2})$`)
	dateFloat = regexp.MustCompile(`^(\d{8})\.0+$`)
	cjkDate   = regexp.MustCompile(`^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号]?$`)
	numeric   = regexp.MustCompile(`^(\d{1,4})\s*([-/. ])\s*(\d{1,2})\s*([-/. ])\s*(\d{1,4})\.?$`)
)

// read collects all readings of s. s is in lower case.
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
		r.maybeNextDay = shiftedMidnight([]string{"", "", m[2], m[3], m[4], "", m[5]})
	}
	if m := dateFloat.FindStringSubmatch(s); m != nil {
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
			r.offer(m[5], atoi(m[3]), atoi(m[1])) // the same order as in timestamps
			if len(r.readings) == 0 && len(m[1]) == 2 && len(m[5]) == 2 {
				r.offer(m[1], atoi(m[3]), atoi(m[5])) // 70.04.03
			}
		case r.slashes == DayFirst && len(m[1]) <= 2 && len(m[5]) == 4:
			r.offer(m[5], atoi(m[3]), atoi(m[1]))
		case r.slashes == MonthFirst && len(m[1]) <= 2 && len(m[5]) == 4:
			r.offer(m[5], atoi(m[1]), atoi(m[3]))
		default:
			r.readNumeric(m[1], m[3], m[5])
		}
		return
	}
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		r.offer(s[:4], atoi(s[4:6]), atoi(s[6:]))
		r.offer(s[4:], atoi(s[2:4]), atoi(s[:2]))
		r.offer(s[4:], atoi(s[:2]), atoi(s[2:4]))
		return
	}
	r.readMonthName(s)
}

func (r *dateReader) readNumeric(a, b, c string) {
	switch {
	case len(a) == 4:
		if len(c) <= 2 {
			r.offer(a, atoi(b), atoi(c)) // with the year first, the month always follows
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

// shiftedMidnight reports whether a UTC time of day is midnight somewhere east of Greenwich:
// 1997-02-15T23:00:00Z was entered there as the 16th.
func shiftedMidnight(m []string) bool {
	hour, minute, second, zone := atoi(m[2]), atoi(m[3]), atoi(m[4]), m[6]
	return (zone == "z" || strings.TrimPrefix(strings.TrimPrefix(zone, "utc"), "gmt") == "" && zone != "" || strings.HasSuffix(zone, "+00:00") || strings.HasSuffix(zone, "+0000")) && hour > 12 && minute%15 == 0 && second == 0
}

// readMonthName reads a date with the month in words.
func (r *dateReader) readMonthName(s string) {
	var nums []string
	month := 0
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !fold.IsWordy(r) }) {
		switch {
		case unicode.IsDigit(rune(w[0])):
			digits := strings.TrimRightFunc(w, unicode.IsLetter)
			if suffix := w[len(digits):]; suffix != "" && !ordinals[suffix] {
				if m, ok := fold.Month(suffix); ok && month == 0 { // 16feb1997 has no separators, 16feb has no year yet
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
