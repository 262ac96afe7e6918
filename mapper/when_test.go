package mapper

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// 2026-11-20T16:00:27Z is the moment of most samples, with or without a fraction.
var (
	sampleTime     = time.Date(2026, 11, 20, 16, 0, 27, 0, time.UTC)
	sampleReceived = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
)

// If a time cannot be read, the next source is used. The note contains the shape of the value,
// never the value.
func TestUnreadableTimeIsNoted(t *testing.T) {
	m := parseForKeys(t, "")
	for _, c := range []struct {
		members, field, shape string
		want                  time.Time
	}{
		{`"timestamp":"19/11/2026 16:29:22"`, "timestamp", "(99/99/9999 99:99:99)", sampleReceived},
		{`"timestamp":46346.67,"originalTimestamp":"2026-11-20T16:00:27Z"`, "timestamp", "(99999.99)", sampleTime},
		{`"timestamp":"0001-01-01T00:00:00Z"`, "timestamp", "(9999-99-99X99:99:99X)", sampleReceived},
		{`"timestamp":{"year":2026}`, "timestamp", "(an object)", sampleReceived},
		{`"originalTimestamp":"` + strings.Repeat("ada@example.com ", 9) + `"`, "originalTimestamp", "(long text)", sampleReceived},
	} {
		ev := Event{Body: []byte(`{"event":"E","userId":"u",` + c.members + `}`), Received: sampleReceived}
		o := m.Map(ev, sampleReceived)[0]
		if o.Kind != Send || !o.EventTime.Equal(c.want) || len(o.Notes) != 1 || o.Notes[0].Code != noteBadTime || o.Notes[0].Field != c.field ||
			!strings.Contains(o.Notes[0].Message, c.shape) {
			t.Errorf("%s: %s %v %+v", c.members, o.Kind, o.EventTime, o.Notes)
		}
	}
}

// A time without a zone gets a note as long as the mapping has no timezone: nothing else would
// reveal that it is hours off.
func TestLocalTimeIsNoted(t *testing.T) {
	for _, c := range []struct {
		more, raw string
		want      bool
	}{
		{"", `"2026-11-20 16:00:27"`, true},
		{"", `"20.11.2026"`, true},
		{"", `20261120160027`, true},
		{"", `[2026,11,20,16,0]`, true},
		{"timezone: UTC\n", `"2026-11-20 16:00:27"`, false},
		{"timezone: Europe/Berlin\n", `"2026-11-20 16:00:27"`, false},
		{"", `"2026-11-20T16:00:27Z"`, false},
		{"", `"2026-11-20 16:00:27 +0100"`, false},
		{"", `"Fri Nov 20 17:00:27 CET 2026"`, false},
		{"", `1795190427`, false},
		{"", `{"date":"2026-11-20 17:00:27.000000","timezone_type":3,"timezone":"Europe/Berlin"}`, false},
		{"", `"soon"`, false},
	} {
		ev := Event{Body: []byte(`{"event":"E","userId":"u","timestamp":` + c.raw + `}`), Received: sampleReceived}
		o := parseForKeys(t, c.more).Map(ev, sampleReceived)[0]
		if got := slices.ContainsFunc(o.Notes, func(n Note) bool { return n.Code == NoteLocalTime }); got != c.want {
			t.Errorf("%s with %q: %v", c.raw, c.more, o.Notes)
		}
	}
}

// A wrong time_format is reported with its place in the mapping.
func TestTimeFormatRefused(t *testing.T) {
	_, _, err := Parse("m.yaml", []byte("version: 1\ntime_format: DD/MM/YYYY HH:mm\n"))
	if err == nil || !strings.Contains(err.Error(), "m.yaml:2:14") || !strings.Contains(err.Error(), "02/01/2006 15:04") {
		t.Error(err)
	}
}
