package rows

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"relay/mapper/event"
	"relay/relay/internal/track"
)

// moment converts a time in the set format or zone to RFC 3339. A time that cannot be read is
// returned unchanged, for the mapper to judge. A time without a zone gets one only if a zone is
// set.
func (w *writer) moment(s string) string {
	if w.layout != "" {
		t, zoned, ok := parseInLayout(w.layout, s, w.zone)
		switch {
		case ok && zoned:
			return t.Format(time.RFC3339Nano)
		case ok:
			return t.Format("2006-01-02T15:04:05.999999999")
		}
	}
	if w.zone == nil {
		return s
	}
	c := event.Times{Loc: w.zone}
	t, ok := c.ReadText(s, time.Time{})
	if !ok {
		w.unread = true
		return s
	}
	return t.In(w.zone).Format(time.RFC3339Nano)
}

// parseInLayout parses a time with layout; zoned reports that it has a zone, its own or the
// given one.
func parseInLayout(layout, s string, zone *time.Location) (t time.Time, zoned, ok bool) {
	in := zone
	if in == nil {
		in = time.UTC
	}
	t, err := time.ParseInLocation(layout, s, in)
	if err != nil {
		joined, _ := event.JoinDateAndTime(s)
		t, err = time.ParseInLocation(layout, joined, in)
	}
	zoned = zone != nil || strings.Contains(layout, "Z07") || strings.Contains(layout, "-07")
	return t, zoned, err == nil
}

// UnreadableTime returns the problem of a time that cannot be read. It shows only its form.
func UnreadableTime(value []byte) *track.Problem {
	return &track.Problem{Code: "invalid_timestamp", Message: fmt.Sprintf(
		"its timestamp, of the form %s, cannot be read as a time; write 2026-11-20T18:30:00Z, or set the format (--time-format, spool: time_format)", form(value))}
}

// TimeHint returns what to do about a row without a time, for the end of a message.
func (r *Row) TimeHint() string {
	switch {
	case r.table == nil:
		return `: give it a member "timestamp", such as "2026-11-20T18:30:00Z"`
	case r.Timed:
		return ": its cell is empty"
	}
	return ": --column 'timestamp=HEADER' names the column (spool: columns)"
}

// form returns the form of a value without its content: 99/99/9999 for a date.
func form(value []byte) string {
	const most = 40
	s := strings.Trim(string(value), `"`)
	if s == "" || s[0] == '{' || s[0] == '[' {
		return "of a list or an object"
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '9'
		case unicode.IsLetter(r):
			return 'a'
		case unicode.IsControl(r):
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}
