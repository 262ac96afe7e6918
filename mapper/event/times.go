package event

import (
	"strconv"
	"strings"
	"time"

	"relay/mapper/fold"
)

// Times holds the settings of a mapping for reading times.
type Times struct {
	Loc     *time.Location // the zone of times without one
	LocSet  bool           // the zone was configured, not assumed
	Layouts []string       // time_format: layouts of package time, checked by CheckTimeFormat
}

// The range of plausible times (docs/contract.md 5.3). A date read as seconds, or the serial
// number of a spreadsheet, is outside this range and counts as unreadable.
const (
	firstYear = 2004
	lastYear  = 2100 // when the time of receipt is not trusted
	maxAhead  = 366 * 24 * time.Hour
)

// Plausible reports whether an event received at received can have happened at t. A time of
// receipt before FirstTrustedYear comes from a clock that was never set; it does not limit t.
func Plausible(t, received time.Time) bool {
	if t.Year() < firstYear || t.Year() >= lastYear {
		return false
	}
	return received.Year() < FirstTrustedYear || t.Sub(received) <= maxAhead
}

// FirstTrustedYear is the first year in which a clock can be trusted to have been set.
const FirstTrustedYear = 2020

// Read reads an event time: a date and time in the standard format of any language (see
// ReadText), an epoch in seconds, milliseconds, microseconds or nanoseconds, or
// YYYYMMDD[hhmmss], each as a number or as text, or an object that a library writes for a date.
// The layouts of time_format are tried last.
func (c *Times) Read(n *Node, received time.Time) (time.Time, bool) {
	switch n.Kind {
	case Number:
		return c.readDigits(n.Text, received)
	case Text:
		return c.ReadText(n.Text, received)
	case Object:
		return c.readObject(n, received)
	case List:
		return c.readList(n, received)
	}
	return time.Time{}, false
}

// IsLocal reports whether Read accepts n and n has no zone, so that the result depends on Loc.
func (c *Times) IsLocal(n *Node, received time.Time) bool {
	if n.Kind == Text {
		if s := n.Text; len(s) > 0 && s[len(s)-1] == 'Z' {
			return false
		}
	}
	here, ok := c.Read(n, received)
	if !ok {
		return false
	}
	_, offset := here.In(c.Loc).Zone()
	other := *c
	other.Loc = time.FixedZone("", offset-3600)
	there, ok := other.Read(n, received)
	return ok && !there.Equal(here)
}

// ReadText is Read for text.
func (c *Times) ReadText(raw string, received time.Time) (time.Time, bool) {
	s := strings.TrimSpace(raw)
	if t, ok := parseISOTime(s, c.Loc); ok && Plausible(t, received) {
		return t, true
	}
	if len(s) == 0 || len(s) > maxTimeText {
		return time.Time{}, false
	}
	s = strings.ReplaceAll(fold.Digits(fold.Clean(s)), "−", "-")
	if strings.Trim(s, "0123456789.") == "" {
		if t, ok := c.readDigits(s, received); ok {
			return t, true
		}
	}
	if t, ok := parseTimeText(s, c.Loc); ok && Plausible(t, received) {
		return t, true
	}
	joined, standard := JoinDateAndTime(s)
	for _, layout := range c.Layouts {
		for _, s := range []string{s, joined} {
			if t, err := time.ParseInLocation(layout, s, c.Loc); err == nil && Plausible(t, received) {
				return t.UTC(), true
			}
		}
	}
	if standard != s {
		t, ok := parseTimeText(standard, c.Loc)
		return t, ok && Plausible(t, received)
	}
	return time.Time{}, false
}

// maxTimeText is the longest text, in bytes, that is read as a time.
const maxTimeText = 100

// parseISOTime is a shortcut for the format that most clients send.
func parseISOTime(s string, loc *time.Location) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05") || len(s) > len("2006-01-02T15:04:05.000000000+00:00") || s[10] != 'T' {
		return time.Time{}, false
	}
	layout := "2006-01-02T15:04:05"
	if last := s[len(s)-1]; last == 'Z' || s[len(s)-3] == ':' && strings.ContainsAny(s[len(s)-6:len(s)-5], "+-") {
		layout = time.RFC3339
	}
	t, err := time.ParseInLocation(layout, s, loc)
	return t.UTC(), err == nil
}

// readDigits reads a number: an epoch, or the digits of a date and time.
func (c *Times) readDigits(number string, received time.Time) (time.Time, bool) {
	if t, ok := parseEpoch(number); ok && Plausible(t, received) {
		return t, true
	}
	text, ok := Decimal(number)
	if !ok {
		return time.Time{}, false
	}
	t, ok := parseDateDigits(text, c.Loc)
	return t, ok && Plausible(t, received)
}

// parseEpoch reads seconds since 1970, exactly. Numbers above 10^11 are milliseconds, above
// 10^14 microseconds, above 10^17 nanoseconds.
func parseEpoch(number string) (time.Time, bool) {
	text, ok := Decimal(number)
	if !ok || strings.HasPrefix(number, ".") || strings.HasSuffix(number, ".") || strings.Count(number, ".") > 1 {
		return time.Time{}, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.HasPrefix(text, "-") {
		return time.Time{}, false
	}
	var t time.Time
	switch {
	case n > 1e17:
		t = time.Unix(0, n)
	case n > 1e14:
		t = time.UnixMicro(n)
	case n > 1e11:
		t = time.UnixMilli(n)
	default:
		nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		t = time.Unix(n, nanos)
	}
	return t.UTC(), true
}

// dateDigits are the layouts of dates and times that consist only of digits.
var dateDigits = [...]string{"20060102", "200601021504", "20060102150405"}

// parseDateDigits reads YYYYMMDD[hhmm[ss[fff]]] in loc. A date without a time is the start of
// that day.
func parseDateDigits(s string, loc *time.Location) (time.Time, bool) {
	if len(s) > 14 && len(s) <= 23 && strings.IndexByte(s, '.') < 0 {
		s = s[:14] + "." + s[14:] // 20261120160027029
	}
	for _, layout := range dateDigits {
		if len(s) != len(layout) && (len(layout) < 14 || len(s) < 16 || s[14] != '.') {
			continue
		}
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// readObject reads the objects that libraries write for dates: PHP's DateTime, MongoDB's $date,
// the timestamps of Firestore and protobuf.
func (c *Times) readObject(n *Node, received time.Time) (time.Time, bool) {
	if date := n.Get("$date"); date != nil {
		if long := date.Get("$numberLong"); long != nil {
			date = long
		}
		if date.Kind == Number || date.Kind == Text {
			return c.Read(date, received)
		}
		return time.Time{}, false
	}
	if date := n.Get("date"); date != nil && date.Kind == Text {
		in := *c
		zone, _ := n.Get("timezone").ScalarText()
		if zone != "" {
			if at, err := time.LoadLocation(zone); err == nil && zone != "Local" {
				in.Loc = at
			} else if t, ok := parseTimeText(strings.TrimSpace(date.Text)+" "+zone, c.Loc); ok && Plausible(t, received) {
				return t, true // timezone_type 1 and 2: +01:00, CET
			} else {
				return time.Time{}, false
			}
		}
		return in.ReadText(date.Text, received)
	}
	for _, names := range [][3]string{{"_seconds", "_nanoseconds"}, {"seconds", "nanos", "nanoseconds"}} {
		seconds, ok := n.Get(names[0]).ScalarText()
		if !ok || len(seconds) > 11 { // a longer number is not seconds, and the names say seconds
			continue
		}
		t, ok := parseEpoch(seconds)
		return t, ok && Plausible(t, received)
	}
	return time.Time{}, false
}

// readList reads [2026,11,20,16,0,27], as Jackson writes a date and time without a zone.
func (c *Times) readList(n *Node, received time.Time) (time.Time, bool) {
	if len(n.Kids) < 5 || len(n.Kids) > 7 {
		return time.Time{}, false
	}
	var p [7]int
	for i := range n.Kids {
		text, ok := n.Kids[i].ScalarText()
		v, err := strconv.Atoi(text)
		if !ok || err != nil || n.Kids[i].Kind != Number {
			return time.Time{}, false
		}
		p[i] = v
	}
	t, ok := newTime(p[0], p[1], p[2], p[3], p[4], p[5], p[6], c.Loc)
	return t, ok && Plausible(t, received)
}

// newTime returns the time of a date and a time of day, and false if they do not exist.
// 24:00:00 is the start of the next day; a leap second counts as the second after it.
func newTime(year, month, day, hour, minute, second, nanos int, loc *time.Location) (time.Time, bool) {
	leap := second == 60
	if leap {
		second = 59
	}
	midnight := hour == 24 && minute == 0 && second == 0
	if hour < 0 || hour > 23 && !midnight || minute < 0 || minute > 59 || second < 0 || second > 59 || nanos < 0 || nanos > 999_999_999 {
		return time.Time{}, false
	}
	if d := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC); d.Month() != time.Month(month) || d.Day() != day {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, loc)
	if leap {
		t = t.Add(time.Second)
	}
	return t.UTC(), true
}
