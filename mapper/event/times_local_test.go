package event

import (
	"testing"
	"time"
)

// A time without a zone is worth a note while the mapping has no timezone: an hour's difference
// shows in nothing else.
func TestIsLocal(t *testing.T) {
	c := Times{Loc: time.UTC}
	for raw, want := range map[string]bool{
		`"2026-11-20 16:00:27"`: true, `"20.11.2026"`: true, `20261120160027`: true, `[2026,11,20,16,0]`: true, `{"date":"2026-11-20 16:00:27.000000"}`: true,
		`"2026-11-20T16:00:27Z"`: false, `"2026-11-20 16:00:27 +0100"`: false, `"Fri Nov 20 17:00:27 CET 2026"`: false, `1795190427`: false,
		`{"date":"2026-11-20 17:00:27.000000","timezone_type":3,"timezone":"Europe/Berlin"}`: false,
		`"soon"`: false, `""`: false, `true`: false,
	} {
		if got := c.IsLocal(decode(t, raw), received); got != want {
			t.Errorf("%s: local %v, want %v", raw, got, want)
		}
	}
}

// Values that look like times but are none, or are not one time only.
func TestUnreadableTimes(t *testing.T) {
	for _, raw := range []string{
		``, `"open`, `{`, `null`, `1795190427.1.2`, `"1795190427."`, `".5"`, `99999999999999999999`, `-5`,
		`{"$date":{}}`, `{"$date":true}`, `{"date":"2026-11-20 16:00","timezone":"Local"}`, `{"date":20261120}`, `{"_seconds":1795190427000}`, `{"_seconds":"soon"}`, `{"_seconds":12}`,
		`[2026,11,20]`, `[2026,11,20,16]`, `[2026,11,20,16,0,27,0,0]`, `[2026,11,20,16,"0"]`, `[2026,11,20,16,0.5]`, `[2026,11,31,16,0]`, `[2026,0,20,16,0]`,
		`[2026,11,20,24,1]`, `[2026,11,20,-1,0]`, `[2026,11,20,16,60]`, `[2026,11,20,16,0,61]`, `[2026,11,20,16,0,27,1000000000]`, `[1990,11,20,16,0]`,
		`"2026-11-20 16:00:27 +19:00"`, `"2026-11-20T16:00:27+01:99"`, `"2026-11-20 0:30 PM"`, `"2026-11-20 13:30 PM"`, `"2026-11-20 16:00:27 2025 2026"`,
		`"13/13/2026 4:00 PM"`, `"2026-11/20 16:00"`, `"20-11-26 16:00"`, `"120.11.2026 16:00"`, `"200 Nov 2026"`, `"20 Nov 226"`, `"Nov Nov 20 2026"`,
		`"2026-11-20 16:00 [x"`, `"/Date(99999999999999999999)/"`, `"2026-11-20 10:00 11:00 12:00"`,
	} {
		if at, ok := ReadTime([]byte(raw), time.UTC); ok {
			t.Errorf("%s is read as %v", raw, at)
		}
	}
}

// Rare notations that programs do print.
func TestRareTimes(t *testing.T) {
	const moment = "2026-11-20T16:00:27Z"
	for raw, want := range map[string]string{
		`"2026-11-20 16:00:27 -0000"`: moment, `"2026-11-20T16:00:27+0000 UTC"`: moment, `"16:00:27 20 Nov 2026"`: moment, `"2026 Nov 20 16:00:27"`: moment,
		`"mar, 24 mar 2026"`:            "2026-03-24T00:00:00Z", // a Tuesday in March, in Spanish
		`"mar. 24 mar. 2026, 16:00:27"`: "2026-03-24T16:00:27Z", `"24 mar 2026 16:00:27"`: "2026-03-24T16:00:27Z",
		`"2026-11-20 16:00:27 Fri"`: moment, `"2026-11-20 12:00:27 am"`: "2026-11-20T00:00:27Z", `"11/20/2026 12:00:27 PM"`: "2026-11-20T12:00:27Z",
		`{"seconds":1795190427,"nanoseconds":5}`: moment, `{"date":"2026-11-20 16:00:27"}`: moment, `"20/20/2026 4:00 PM"`: "",
		`"2026-11-20 10:00:27 America/Port-au-Prince"`: "2026-11-20T15:00:27Z", `"2026-11-20T16:00:27Z[]"`: moment,
	} {
		got := ""
		if at, ok := ReadTime([]byte(raw), time.UTC); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// The abbreviation of the mapping's zone wins: BST is Britain's summer time in London only.
func TestZoneAbbreviations(t *testing.T) {
	for _, c := range []struct{ zone, raw, want string }{
		{"", `"2026-07-20 16:00:00 BST"`, "2026-07-20T15:00:00Z"},
		{"Europe/Berlin", `"2026-10-25 02:30:00 CEST"`, "2026-10-25T00:30:00Z"}, // the repeated hour
		{"Europe/Berlin", `"2026-10-25 02:30:00 CET"`, "2026-10-25T01:30:00Z"},
		{"Australia/Sydney", `"2026-11-20 16:00:00 AEDT"`, "2026-11-20T05:00:00Z"},
		{"Asia/Kolkata", `"2026-11-20 16:00:00 IST"`, "2026-11-20T10:30:00Z"},
		{"", `"2026-11-20 16:00:00 IST"`, ""},
		{"", `"2026-11-20 16:00:00 Mars/Base"`, ""},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at, ok := ReadTime([]byte(c.raw), loc); ok {
			got = at.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.raw, c.zone, got, c.want)
		}
	}
}
