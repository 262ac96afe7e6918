package event

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"relay/mapper/fold"
)

// The parts of a date and time in words, for cleaned lower-case text.
var (
	timeOfDay = regexp.MustCompile(`(^|[t ,])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?(?: ?([ap])(?:\.? ?m)?\b\.?)?`)
	dottedEnd = regexp.MustCompile(`()[ ,](\d{1,2})\.(\d{2})(?:\.(\d{2})(?:[.,](\d+))?)?(?: ?([ap])\.? ?m\.?)?((?: [^\d.]+| ?[+-][\d:]+)*)$`)
	basicTime = regexp.MustCompile(`^(\d{8})[-_t ](\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?([^\d:].*)?$`)
	offset    = regexp.MustCompile(`^(?:utc|gmt|z)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?$`)
	netDate   = regexp.MustCompile(`^/date\((\d+)(?:[+-]\d{4})?\)/$`)
	monotonic = regexp.MustCompile(` m=[+-]\d+\.\d+$`)
	numbers3  = regexp.MustCompile(`^(\d{1,4})([-/.]) ?(\d{1,2})([-/.]) ?(\d{1,4})$`)
)

// rewrites translates other notations into those that parseWords reads.
var rewrites = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日号號일]`), "$1-$2-$3 "},
	{regexp.MustCompile(`\b(\d{1,2}) ?(?:[時时點点시]|[hu])(?: ?(\d{2}) ?(?:[分분]|m(?:in)?)?(?: ?(\d{1,2}) ?(?:[秒초]|s)?)?)?($|[ ,.])`), "$1:$2:$3$4"},
	{regexp.MustCompile(`(\d):{1,2}($|[ ,])`), "$1:00$2"}, // the rule above leaves this for 16h and 16h05
	{regexp.MustCompile(`(?:午前|上午|오전|\ba\.?m\b\.?) ?(\d{1,2}:[:\d]*)`), "$1 am"},
	{regexp.MustCompile(`(?:午後|下午|오후|\bp\.?m\b\.?) ?(\d{1,2}:[:\d]*)`), "$1 pm"},
	{regexp.MustCompile(`(\d) ?(?:π\.? ?μ\.?|ص)`), "$1 am"},
	{regexp.MustCompile(`(\d) ?(?:μ\.? ?μ\.?|م)`), "$1 pm"},
	{regexp.MustCompile(`^(\d{4}):(\d{2}):(\d{2}) `), "$1-$2-$3 "},                                       // cameras
	{regexp.MustCompile(`([a-z][-/]?\d{2,4}):(\d{1,2}:)`), "$1 $2"},                                      // SAS, web servers
	{regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|\d{8})[-_t ](\d{2})[-.](\d{2})[-.](\d{2})`), "$1 $2:$3:$4"}, // DB2, file names
	{regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|\d{8})[-_](\d{2}:)`), "$1 $2"},
}

// parseTimeText reads the usual text forms of a date and time: ISO 8601 in its extended and
// basic formats, RFC 1123, 850 and 822, and what Go, Java, JavaScript, Python, PHP, Ruby, .NET,
// Swift and databases print, in any language that fold.Month knows. A date without a time is
// accepted too. s is clean. The order of day and month between slashes is ambiguous: such a
// date is read only if it has AM or PM and only one order gives a valid date (.NET and
// JavaScript in English). Between dots the day comes first.
func parseTimeText(s string, loc *time.Location) (time.Time, bool) {
	s = strings.ToLower(s)
	if m := netDate.FindStringSubmatch(s); m != nil {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		return time.UnixMilli(ms).UTC(), err == nil
	}
	s = monotonic.ReplaceAllString(s, "")
	if t, ok := parseWords(s, loc); ok {
		return t, true
	}
	other := s
	for _, p := range rewrites {
		other = p.form.ReplaceAllString(other, p.as)
	}
	if other == s {
		return time.Time{}, false
	}
	return parseWords(other, loc)
}

func parseWords(s string, loc *time.Location) (time.Time, bool) {
	s, zone := cutZoneID(cutComment(s))
	r := timeReader{loc: loc, zone: zone}
	if m := basicTime.FindStringSubmatch(s); m != nil {
		return r.combine(m[1], m[2], m[3], m[4], m[5], "", m[6])
	}
	m := timeOfDay.FindStringSubmatchIndex(s)
	if m == nil {
		m = dottedEnd.FindStringSubmatchIndex(s)
	}
	if m == nil { // a date without a time is the start of that day
		year, month, day, ok := r.readDate(s)
		if !ok {
			return time.Time{}, false
		}
		return newTime(year, month, day, 0, 0, 0, 0, loc)
	}
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	before, after := s[:m[0]], s[m[1]:]
	if strings.Trim(before, " ,") == "" { // 16:00 20.11.2026
		before, after = after, ""
	}
	return r.combine(before, group(2), group(3), group(4), group(5), group(6), after)
}

// cutComment removes the comment at the end of JavaScript's format: GMT+0100 (Central European
// Standard Time).
func cutComment(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(s, ")") {
		return strings.TrimSpace(s[:i])
	}
	return s
}

// zoneAtEnd matches a zone name after a time: 16:00 Europe/Berlin.
var zoneAtEnd = regexp.MustCompile(`^(.*[^ ]) +([A-Za-z_]+(?:/[A-Za-z_-]+)+)$`)

// cutZoneID cuts a zone name off the end: Europe/Berlin, or Java's [Europe/Berlin].
func cutZoneID(s string) (rest, zone string) {
	if strings.Contains(s, "/") {
		if m := zoneAtEnd.FindStringSubmatch(s); m != nil {
			return m[1], m[2]
		}
	}
	if i := strings.IndexByte(s, '['); i > 0 && strings.HasSuffix(s, "]") {
		return strings.TrimSpace(s[:i]), s[i+1 : len(s)-1]
	}
	return s, ""
}

// timeReader assembles a time from its parts.
type timeReader struct {
	loc      *time.Location
	zone     string // zone name from the end of the text; an offset takes precedence
	meridiem string // "a" or "p" for AM or PM; "" for 24-hour times
	year     string // the year, if it follows the time as in C's asctime
}

// combine returns the time for a date, a time of day and the text after it.
func (r *timeReader) combine(date, hour, minute, second, fraction, meridiem, after string) (time.Time, bool) {
	r.meridiem = meridiem
	seconds, known, ok := r.readSuffix(after)
	if !ok {
		return time.Time{}, false
	}
	year, month, day, ok := r.readDate(date)
	if !ok {
		return time.Time{}, false
	}
	h := atoi(hour)
	if meridiem != "" {
		if h < 1 || h > 12 {
			return time.Time{}, false
		}
		if h %= 12; meridiem == "p" {
			h += 12
		}
	}
	loc := r.loc
	if known {
		loc = time.FixedZone("", seconds)
	}
	t, ok := newTime(year, month, day, h, atoi(minute), atoi(second), atoi((fraction + "000000000")[:9]), loc)
	if !ok || known || r.zone == "" {
		return t, ok
	}
	return r.inNamedZone(t)
}

// readSuffix reads what follows the time of day: a zone, the year of C's asctime, or both in
// either order. known reports that the zone is an offset of seconds.
func (r *timeReader) readSuffix(s string) (seconds int, known, ok bool) {
	for w := range strings.FieldsSeq(strings.TrimLeft(s, ":")) { // analytics-swift once wrote 27.029:Z
		switch m := offset.FindStringSubmatch(w); {
		case m != nil && known: // -0300 -03: Go prints this for a zone without a name
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
		case known && strings.Trim(w, letters) == "": // +0000 UTC: the offset is enough
		case isUTC(w):
			known = true
		case strings.HasSuffix(w, "z") && !known && offset.MatchString(w[:len(w)-1]): // isoformat() + "Z"
			seconds, known, ok = r.readSuffix(w[:len(w)-1])
			if !ok {
				return 0, false, false
			}
		case zones[w] == 0 && (fold.IsDateFiller(w) || fold.IsWeekday(w)): // Uhr, godz.
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

// zones maps the zone abbreviations that mean the same in all programs to minutes: those of RFC
// 5322 and of the time zone database. IST is missing because it stands for India, Israel and
// Ireland.
var zones = map[string]int{
	"est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
	"akst": -540, "akdt": -480, "hst": -600, "ast": -240, "adt": -180, "nst": -210, "ndt": -150,
	"wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120, "eet": 120, "eest": 180, "msk": 180,
	"sast": 120, "cat": 120, "eat": 180, "wat": 60, "pkt": 300, "wib": 420, "hkt": 480, "jst": 540, "kst": 540,
	"awst": 480, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780,
}

// inNamedZone interprets the wall clock of t in the named zone. The abbreviations of r.loc take
// precedence over the general ones.
func (r *timeReader) inNamedZone(t time.Time) (time.Time, bool) {
	wall := t.In(r.loc)
	at := func(loc *time.Location) time.Time {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), loc).UTC()
	}
	for _, d := range []time.Duration{0, time.Hour, -time.Hour} { // an hour repeated at the end of summer time has two abbreviations
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

// smallWords restores the names that have small or capital letters elsewhere:
// Africa/Dar_es_Salaam.
var smallWords = strings.NewReplacer("_Of_", "_of_", "_Es_", "_es_", "-Au-", "-au-", "Mcmurdo", "McMurdo", "Dumontdurville", "DumontDUrville")

// zoneName restores the capitals of a lower-case zone name.
func zoneName(s string) string {
	if name, ok := strings.CutPrefix(s, "etc/"); ok {
		return "Etc/" + strings.ToUpper(name)
	}
	b := []byte(s)
	for i := range b {
		if i == 0 || strings.IndexByte("/_-", b[i-1]) >= 0 {
			b[i] = strings.ToUpper(string(b[i]))[0]
		}
	}
	return smallWords.Replace(string(b))
}
