package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ReadTime reads a JSON value as an event time, with the same rules as the mapper. loc is the
// zone of times without one. layouts are tried after the standard forms (see CheckTimeFormat).
// Importers call ReadTime before they store an event: an event with an unreadable time would be
// dated to its time of receipt.
func ReadTime(value []byte, loc *time.Location, layouts ...string) (time.Time, bool) {
	c := Times{Loc: loc, Layouts: layouts}
	return c.Value(value, time.Time{})
}

// Value is Read for JSON text.
func (c *Times) Value(value []byte, received time.Time) (time.Time, bool) {
	if len(value) == 0 {
		return time.Time{}, false
	}
	switch first := value[0]; {
	case first == '-' || '0' <= first && first <= '9':
		return c.Read(&Node{Kind: Number, Text: string(value)}, received)
	case first == '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return time.Time{}, false
		}
		return c.ReadText(s, received)
	}
	t, err := NewDecoder().Decode(value)
	if err != nil {
		return time.Time{}, false
	}
	return c.Read(&t.Root, received)
}

// CheckTimeFormat checks a layout as `time_format` and --time-format accept it: Monday, 2
// January 2006, 15:04:05 written in that format, as in Go's package time. The error suggests a
// correction.
func CheckTimeFormat(layout string) error {
	if strings.TrimSpace(layout) == "" {
		return errors.New("the time format is empty")
	}
	if other := otherLayout(layout); other != layout {
		if CheckTimeFormat(other) == nil {
			return fmt.Errorf("write the time 2 January 2006, 15:04:05 in your format: %q", other)
		}
		return errors.New(`write the time 2 January 2006, 15:04:05 in your format, such as "02/01/2006 15:04"`)
	}
	if strings.Contains(layout, "MST") {
		return errors.New("the zone abbreviation MST is ambiguous: write -0700 for an offset, or omit the zone and set timezone")
	}
	// A layout is usable if a date and an hour in the afternoon survive formatting and parsing.
	sample := time.Date(2017, 11, 28, 19, 38, 0, 0, time.UTC)
	text := sample.Format(layout)
	back, err := time.Parse(layout, text)
	switch {
	case text == layout, err != nil, back.Year() != 2017 || back.Month() != 11 || back.Day() != 28:
		return errors.New(`it lacks a day, month or year: write the time 2 January 2006, 15:04:05 in your format, such as "02/01/2006 15:04"`)
	case back.Hour() == 7:
		return errors.New(`it has 12-hour times without AM or PM: write 15 for 24-hour times, or add PM`)
	case back.Hour() != 19 && back.Hour() != 0:
		return errors.New("it loses the hour: write 15 for 24-hour times, or 03 and PM")
	}
	return nil
}

// otherLayout translates the layouts %d/%m/%Y and DD/MM/YYYY into the notation of package time.
// It returns other layouts unchanged.
func otherLayout(layout string) string {
	if strings.Contains(layout, "%") {
		return strings.NewReplacer("%Y", "2006", "%y", "06", "%m", "01", "%d", "02", "%e", "2", "%b", "Jan", "%B", "January", "%H", "15", "%I", "03", "%M", "04",
			"%S", "05", "%p", "PM", "%f", "000000", "%z", "-0700", "%T", "15:04:05", "%F", "2006-01-02", "%R", "15:04").Replace(layout)
	}
	if strings.ContainsAny(layout, "0123456789") {
		return layout
	}
	return strings.NewReplacer("YYYY", "2006", "yyyy", "2006", "YY", "06", "yy", "06", "MMMM", "January", "MMM", "Jan", "MM", "01", "DD", "02", "dd", "02",
		"HH", "15", "hh", "03", "mm", "04", "ss", "05", "SSS", "000", "tt", "PM", "TT", "PM", "A", "PM", "a", "PM", "XXX", "-07:00", "Z", "-0700",
		"M", "1", "D", "2", "d", "2", "H", "15", "h", "3").Replace(layout)
}

// UnreadableTime explains why a time was rejected. It shows only the shape of the value.
func UnreadableTime(n *Node) string {
	return "not a readable time, or before 2004 or over a year ahead (" + Shape(n) + "): send 2026-11-20T18:30:00Z, or set time_format"
}
