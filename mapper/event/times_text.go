package event

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"relay/mapper/fold"
)

// The parts of a date-time in words, after clean and in lower case.
var (
	timeOfDay = regexp.MustCompile(`(^|[t ,])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?(?: ?([ap])\.? ?m\b\.?)?`)
	basicTime = regexp.MustCompile(`^(\d{8})[t ](\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?([^\d].*)?$`)
	offset    = regexp.MustCompile(`^(?:utc|gmt|z)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?$`)
	weekday   = regexp.MustCompile(`^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?[.,]* `)
	netDate   = regexp.MustCompile(`^/date\((\d+)(?:[+-]\d{4})?\)/$`)
	monotonic = regexp.MustCompile(` m=[+-]\d+\.\d+$`)
	numbers3  = regexp.MustCompile(`^(\d{1,4})([-/.]) ?(\d{1,2})([-/.]) ?(\d{1,4})$`)
)

// parseTimeText reads the standard text of a date-time: ISO 8601 in its
// extended and basic forms, RFC 1123, 850 and 822, and what a date becomes when
// it is printed by Go, Java, JavaScript, Python, PHP, Ruby, .NET and Swift; and a
// date alone whose month is a word. s is clean. A date of digits between slashes has an order that nobody can know: it
// is read only where AM or PM stands beside it and one order alone gives a date
// (.NET and JavaScript in English). Between dots the day comes first.
func parseTimeText(s string, loc *time.Location) (time.Time, bool) {
	s = strings.ToLower(s)
	if m := netDate.FindStringSubmatch(s); m != nil {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		return time.UnixMilli(ms).UTC(), err == nil
	}
	s = monotonic.ReplaceAllString(s, "")
	s, zone := cutZoneID(cutComment(s))
	if m := basicTime.FindStringSubmatch(s); m != nil {
		r := timeReader{loc: loc, zone: zone}
		return r.whole(m[1], m[2], m[3], m[4], m[5], "", m[6])
	}
	m := timeOfDay.FindStringSubmatchIndex(s)
	if m == nil { // a date alone is its first moment
		r := timeReader{loc: loc}
		year, month, day, ok := r.monthInWords(weekday.ReplaceAllString(s, ""))
		if !ok {
			return time.Time{}, false
		}
		return moment(year, month, day, 0, 0, 0, 0, loc)
	}
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	r := timeReader{loc: loc, zone: zone}
	return r.whole(s[:m[0]], group(2), group(3), group(4), group(5), group(6), s[m[1]:])
}

// cutComment drops the comment at the end of JavaScript's text:
// GMT+0100 (Central European Standard Time).
func cutComment(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(s, ")") {
		return strings.TrimSpace(s[:i])
	}
	return s
}

// cutZoneID takes Java's [Europe/Berlin] off the end.
func cutZoneID(s string) (rest, zone string) {
	if i := strings.IndexByte(s, '['); i > 0 && strings.HasSuffix(s, "]") {
		return strings.TrimSpace(s[:i]), s[i+1 : len(s)-1]
	}
	return s, ""
}

// timeReader puts a moment together from its parts.
type timeReader struct {
	loc  *time.Location
	zone string // name of a zone in brackets; an offset wins over it
	half string // a or p, of AM or PM; "" for 24 hours
	year string // of C's text, where it follows the time
}

// whole is the moment of a date, a time of day and what follows it.
func (r *timeReader) whole(date, hour, minute, second, fraction, half, after string) (time.Time, bool) {
	r.half = half
	seconds, known, ok := r.after(after)
	if !ok {
		return time.Time{}, false
	}
	year, month, day, ok := r.date(date)
	if !ok {
		return time.Time{}, false
	}
	h := atoi(hour)
	if half != "" {
		if h < 1 || h > 12 {
			return time.Time{}, false
		}
		if h %= 12; half == "p" {
			h += 12
		}
	}
	loc := r.loc
	if known {
		loc = time.FixedZone("", seconds)
	}
	t, ok := moment(year, month, day, h, atoi(minute), atoi(second), atoi((fraction + "000000000")[:9]), loc)
	if !ok || known || r.zone == "" {
		return t, ok
	}
	return r.named(t)
}

// after reads what follows the time of day: a zone, C's year, or both in
// either order. known says that the zone is an offset, of so many seconds.
func (r *timeReader) after(s string) (seconds int, known, ok bool) {
	for w := range strings.FieldsSeq(strings.TrimLeft(s, ":")) { // analytics-swift once wrote 27.029:Z
		switch m := offset.FindStringSubmatch(w); {
		case m != nil && known: // -0300 -03: Go where a zone has no name
		case m != nil:
			h, min := atoi(m[2]), atoi(m[3])
			if h > 18 || min > 59 {
				return 0, false, false
			}
			seconds, known = h*3600+min*60, true
			if m[1] == "-" {
				seconds = -seconds
			}
		case len(w) == 4 && strings.Trim(w, "0123456789") == "" && r.year == "":
			r.year = w
		case known && strings.Trim(w, letters) == "": // +0000 UTC: the offset says it
		case isUTC(w):
			known = true
		case strings.HasSuffix(w, "z") && !known && offset.MatchString(w[:len(w)-1]): // isoformat() + "Z"
			seconds, known, ok = r.after(w[:len(w)-1])
			if !ok {
				return 0, false, false
			}
		case r.zone == "" && len(w) <= 6 && strings.Trim(w, letters) == "":
			r.zone = w
		default:
			return 0, false, false
		}
	}
	return seconds, known, true
}

const letters = "abcdefghijklmnopqrstuvwxyz"

func isUTC(zone string) bool { return zone == "z" || zone == "utc" || zone == "gmt" || zone == "ut" }

// zones are the abbreviations that mean one thing wherever programs print
// them, in minutes: those of RFC 5322, and of the time zone database. IST is
// not here: it is India's, Israel's and Ireland's.
var zones = map[string]int{
	"est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
	"akst": -540, "akdt": -480, "hst": -600, "ast": -240, "adt": -180, "nst": -210, "ndt": -150,
	"wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120, "eet": 120, "eest": 180, "msk": 180,
	"sast": 120, "cat": 120, "eat": 180, "wat": 60, "pkt": 300, "wib": 420, "hkt": 480, "jst": 540, "kst": 540,
	"awst": 480, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780,
}

// named reads t, a wall clock in r.loc, in the zone of its name: the one that
// the mapping's timezone has under it, else the one that programs mean by it.
func (r *timeReader) named(t time.Time) (time.Time, bool) {
	wall := t.In(r.loc)
	at := func(loc *time.Location) time.Time {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), loc).UTC()
	}
	for _, d := range []time.Duration{0, time.Hour, -time.Hour} { // an hour that comes twice has two names
		if name, off := t.Add(d).In(r.loc).Zone(); strings.EqualFold(name, r.zone) {
			return at(time.FixedZone("", off)), true
		}
	}
	if min, ok := zones[r.zone]; ok {
		return at(time.FixedZone("", 60*min)), true
	}
	if !strings.Contains(r.zone, "/") {
		return time.Time{}, false
	}
	loc, err := time.LoadLocation(zoneName(r.zone))
	if err != nil {
		return time.Time{}, false
	}
	return at(loc), true
}

// zoneName gives an id of a zone, in lower case, its capitals back.
func zoneName(s string) string {
	b := []byte(s)
	for i := range b {
		if i == 0 || strings.IndexByte("/_-", b[i-1]) >= 0 {
			b[i] = strings.ToUpper(string(b[i]))[0]
		}
	}
	return string(b)
}

// date reads a date: digits with the year first, digits with the day first
// between dots, YYYYMMDD, or a month in words.
func (r *timeReader) date(s string) (year, month, day int, ok bool) {
	s = weekday.ReplaceAllString(s+" ", "")
	s = strings.TrimSuffix(strings.Trim(s, " ,"), " at")
	s = strings.Trim(s, " ,")
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		return atoi(s[:4]), atoi(s[4:6]), atoi(s[6:]), true
	}
	m := numbers3.FindStringSubmatch(s)
	if m == nil {
		return r.monthInWords(s)
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

// monthInWords reads a date whose month is a word: Nov 20 2026, 20 Nov 2026,
// 20-Nov-26, November 20th, 2026.
func (r *timeReader) monthInWords(s string) (year, month, day int, ok bool) {
	var nums []string
	for w := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ' ' || c == ',' || c == '-' || c == '/' || c == '.' }) {
		digits := strings.TrimRightFunc(w, unicode.IsLetter)
		switch suffix := w[len(digits):]; {
		case digits == "":
			m, known := fold.Month(w)
			if !known || month != 0 {
				return 0, 0, 0, false
			}
			month = m
		case strings.Trim(digits, "0123456789") != "" || suffix != "" && !slices.Contains([]string{"st", "nd", "rd", "th"}, suffix):
			return 0, 0, 0, false
		default:
			nums = append(nums, digits)
		}
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
