package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ReadTime reads a JSON value as the moment an event happened, as findTime
// does; loc is for date-times without a zone, layouts are tried after the
// standard forms (TimeFormat). Importers ask it before they store an event,
// because one whose time cannot be read would happen now.
func ReadTime(value []byte, loc *time.Location, layouts ...string) (time.Time, bool) {
	c := Times{Loc: loc, Layouts: layouts}
	return c.Value(value, time.Time{})
}

// Value reads a JSON value.
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
		return c.text(s, received)
	}
	t, err := NewDecoder().Decode(value)
	if err != nil {
		return time.Time{}, false
	}
	return c.Read(&t.Root, received)
}

// TimeFormat checks a form of dates as time_format and --time-format take it:
// the moment of Monday, 2 January 2006, 15:04:05, written in that form (the
// layouts of Go's package time). The error says what to write instead.
func TimeFormat(layout string) error {
	if strings.TrimSpace(layout) == "" {
		return errors.New("a time format is empty")
	}
	if other := otherLayout(layout); other != layout {
		if TimeFormat(other) == nil {
			return fmt.Errorf("a time format is written as the moment 2 January 2006, 15:04:05 in that form: %q", other)
		}
		return errors.New(`a time format is written as the moment 2 January 2006, 15:04:05 in that form, such as "02/01/2006 15:04"`)
	}
	if strings.Contains(layout, "MST") {
		return errors.New("MST, the letters of a zone, says too little: write -0700 for an offset, or leave the zone out and set timezone")
	}
	// A form is usable when a day and an hour in the afternoon survive it.
	sample := time.Date(2017, 11, 28, 19, 38, 0, 0, time.UTC)
	text := sample.Format(layout)
	back, err := time.Parse(layout, text)
	switch {
	case text == layout, err != nil, back.Year() != 2017 || back.Month() != 11 || back.Day() != 28:
		return errors.New(`it has no day, month and year: write the moment 2 January 2006, 15:04:05 in that form, such as "02/01/2006 15:04"`)
	case back.Hour() == 7:
		return errors.New(`its hours go to 12, and nothing says which half of the day: write 15 for hours to 24, or add PM`)
	case back.Hour() != 19 && back.Hour() != 0:
		return errors.New("it does not keep the hour: write 15 for hours to 24, or 03 and PM")
	}
	return nil
}

// otherLayout turns the two other ways of writing a form, %d/%m/%Y and
// DD/MM/YYYY, into the one of package time. What is neither stays.
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

// UnreadableTime says what is wrong with a time, by its shape alone.
func UnreadableTime(n *Node) string {
	return "not a time that can be read, or before 2004 or over a year ahead (" + Shape(n) + "): send 2026-11-20T18:30:00Z, or name the form under time_format"
}
