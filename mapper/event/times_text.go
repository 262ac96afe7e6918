package event

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"relay/mapper/fold"
)

// The parts of a date-time in words, after clean and in lower case.
var (
	timeOfDay = regexp.MustCompile(`(^|[t ,])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?(?: ?([ap])(?:\.? ?m)?\b\.?)?`)
	dottedEnd = regexp.MustCompile(`()[ ,](\d{1,2})\.(\d{2})(?:\.(\d{2})(?:[.,](\d+))?)?(?: ?([ap])\.? ?m\.?)?((?: [^\d.]+| ?[+-][\d:]+)*)$`)
	basicTime = regexp.MustCompile(`^(\d{8})[-_t ](\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?([^\d:].*)?$`)
	offset    = regexp.MustCompile(`^(?:utc|gmt|z)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?$`)
	netDate   = regexp.MustCompile(`^/date\((\d+)(?:[+-]\d{4})?\)/$`)
	monotonic = regexp.MustCompile(` m=[+-]\d+\.\d+$`)
	numbers3  = regexp.MustCompile(`^(\d{1,4})([-/.]) ?(\d{1,2})([-/.]) ?(\d{1,4})$`)
)

// plain are forms that say the same in another way, and that way.
var plain = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日号號일]`), "$1-$2-$3 "},
	{regexp.MustCompile(`\b(\d{1,2}) ?(?:[時时點点시]|[hu])(?: ?(\d{2}) ?(?:[分분]|m(?:in)?)?(?: ?(\d{1,2}) ?(?:[秒초]|s)?)?)?($|[ ,.])`), "$1:$2:$3$4"},
	{regexp.MustCompile(`(\d):{1,2}($|[ ,])`), "$1:00$2"}, // what the form above leaves of 16h and 16h05
	{regexp.MustCompile(`(?:午前|上午|오전|\ba\.?m\b\.?) ?(\d{1,2}:[:\d]*)`), "$1 am"},
	{regexp.MustCompile(`(?:午後|下午|오후|\bp\.?m\b\.?) ?(\d{1,2}:[:\d]*)`), "$1 pm"},
	{regexp.MustCompile(`(\d) ?(?:π\.? ?μ\.?|ص)`), "$1 am"},
	{regexp.MustCompile(`(\d) ?(?:μ\.? ?μ\.?|م)`), "$1 pm"},
	{regexp.MustCompile(`^(\d{4}):(\d{2}):(\d{2}) `), "$1-$2-$3 "},                                       // cameras
	{regexp.MustCompile(`([a-z][-/]?\d{2,4}):(\d{1,2}:)`), "$1 $2"},                                      // SAS, web servers
	{regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|\d{8})[-_t ](\d{2})[-.](\d{2})[-.](\d{2})`), "$1 $2:$3:$4"}, // DB2, names of files
	{regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|\d{8})[-_](\d{2}:)`), "$1 $2"},
}

// parseTimeText reads the standard text of a date-time: ISO 8601 in its
// extended and basic forms, RFC 1123, 850 and 822, and what a date becomes when
// it is printed by Go, Java, JavaScript, Python, PHP, Ruby, .NET, Swift and databases, for
// people of any language that fold.Month knows; and a date alone. s is clean. A date of digits between slashes has an order that nobody can know: it
// is read only where AM or PM stands beside it and one order alone gives a date
// (.NET and JavaScript in English). Between dots the day comes first.
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
	for _, p := range plain {
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
		return r.whole(m[1], m[2], m[3], m[4], m[5], "", m[6])
	}
	m := timeOfDay.FindStringSubmatchIndex(s)
	if m == nil {
		m = dottedEnd.FindStringSubmatchIndex(s)
	}
	if m == nil { // a date alone is its first moment
		year, month, day, ok := r.date(s)
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
	before, after := s[:m[0]], s[m[1]:]
	if strings.Trim(before, " ,") == "" { // 16:00 20.11.2026
		before, after = after, ""
	}
	return r.whole(before, group(2), group(3), group(4), group(5), group(6), after)
}

// cutComment drops the comment at the end of JavaScript's text:
// GMT+0100 (Central European Standard Time).
func cutComment(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(s, ")") {
		return strings.TrimSpace(s[:i])
	}
	return s
}

// zoneAtEnd is the name of a zone behind a time: 16:00 Europe/Berlin.
var zoneAtEnd = regexp.MustCompile(`^(.*[^ ]) +([A-Za-z_]+(?:/[A-Za-z_-]+)+)$`)

// cutZoneID takes the name of a zone off the end: Java's [Europe/Berlin], or Europe/Berlin.
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
	if name, ok := strings.CutPrefix(s, "etc/"); ok {
		return "Etc/" + strings.ToUpper(name)
	}
	b := []byte(s)
	for i := range b {
		if i == 0 || strings.IndexByte("/_-", b[i-1]) >= 0 {
			b[i] = strings.ToUpper(string(b[i]))[0]
		}
	}
	return string(b)
}
