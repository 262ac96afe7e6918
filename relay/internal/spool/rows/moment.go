package rows

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"relay/mapper/event"
	"relay/relay/internal/track"
)

// moment is a time in the given form, or in the given zone, as everybody reads it; what
// cannot be read stays, for the mapper to judge. One without a zone stays without where
// none is given.
func (w *writer) moment(s string) string {
	if w.layout != "" {
		t, zoned, ok := inForm(w.layout, s, w.zone)
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

// inForm reads a time in a form; zoned says that it has a zone, of its own or the given one.
func inForm(layout, s string, zone *time.Location) (t time.Time, zoned, ok bool) {
	in := zone
	if in == nil {
		in = time.UTC
	}
	t, err := time.ParseInLocation(layout, s, in)
	if err != nil {
		joined, _ := event.Joined(s)
		t, err = time.ParseInLocation(layout, joined, in)
	}
	zoned = zone != nil || strings.Contains(layout, "Z07") || strings.Contains(layout, "-07")
	return t, zoned, err == nil
}

// UnreadableTime says what is wrong with a time, by its shape alone.
func UnreadableTime(value []byte) *track.Problem {
	return &track.Problem{Code: "invalid_timestamp", Message: fmt.Sprintf(
		"its timestamp, of the form %s, is no time that can be read; write 2026-11-20T18:30:00Z, or name the form (--time-format, spool: time_format)", form(value))}
}

// WhereTime says how a row that says no time can be made to.
func (r *Row) WhereTime() string {
	switch {
	case r.table == nil:
		return `: give it a member "timestamp", such as "2026-11-20T18:30:00Z"`
	case r.Timed:
		return ": its cell is empty"
	}
	return ": --column 'timestamp=HEADER' names the column (spool: columns)"
}

// form is what a value looks like, without what it says: 99/99/9999 for a date.
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
