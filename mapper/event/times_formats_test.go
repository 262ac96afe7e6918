package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// received is the time of receipt of the events in these tests.
var received = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// TestTimes reads what languages and libraries print for a date, by the language. zone is the
// zone of times without one, UTC if empty.
func TestTimes(t *testing.T) {
	const unreadable = "" // want
	const moment = "2026-11-20T16:00:27Z"
	for _, c := range []struct{ lang, zone, raw, want string }{
		{"RFC 3339", "", `"2026-11-20T16:00:27Z"`, moment},
		{"RFC 3339", "", `"2026-11-20T16:00:27.029384123Z"`, moment},
		{"RFC 3339", "", `"2026-11-20t17:00:27.029+01:00"`, moment},
		{"RFC 3339", "", `"2026-11-20T08:00:27-08:00"`, moment},
		{"RFC 3339", "", `"2026-11-20T16:00:27−00:00"`, moment}, // U+2212
		{"RFC 3339", "", `"\ufeff2026-11-20T16:00:27Z\u200b"`, moment},
		{"RFC 3339", "", `"٢٠٢٦-١١-٢٠T١٦:٠٠:٢٧Z"`, moment},
		{"RFC 3339", "", `"2016-12-31T23:59:60Z"`, "2017-01-01T00:00:00Z"},
		{"ISO", "", `"2026-11-20T16:00:27,029Z"`, moment},
		{"ISO", "", `"2026-11-20T16:00:27.029+0000"`, moment},
		{"ISO", "", `"2026-11-20 16:00:27.029384+00"`, moment},
		{"ISO", "", `"2026-11-20T16:00:27.029 Z"`, moment},
		{"ISO", "", `"2026-11-20T16:00Z"`, "2026-11-20T16:00:00Z"},
		{"ISO", "", `"2026-11-20 16:00"`, "2026-11-20T16:00:00Z"},
		{"ISO", "", `"2026-11-20T24:00:00Z"`, "2026-11-21T00:00:00Z"},
		{"ISO", "Europe/Berlin", `"2026-11-20 17:00:27"`, moment},
		{"ISO", "Europe/Berlin", `"2026-11-20T17:00:27"`, moment},
		{"ISO basic", "", `"20261120T160027Z"`, moment},
		{"ISO basic", "", `"20261120T160027.029+0000"`, moment},
		{"ISO basic", "", `"20261120T170027+01"`, moment},
		{"ISO basic", "America/New_York", `"20261120T110027"`, moment},
		{"ISO basic", "", `"20261120T1600Z"`, "2026-11-20T16:00:00Z"},
		{"ISO basic", "", `"20261120 160027"`, moment},
		{"year first", "", `"2026/11/20 16:00:27"`, moment},
		{"year first", "", `"2026.11.20 16:00:27"`, moment},
		{"year first", "", `"2026-11-20 04:00:27 PM"`, moment},

		{"12 hours", "", `"2026-11-20 12:00:00 AM"`, "2026-11-20T00:00:00Z"},
		{"12 hours", "", `"11/20/2026, 4:00:27 p. m."`, moment},
		{"12 hours", "", `"11/20/2026, 4:00:27 p.\u00a0m."`, moment},
		{"12 hours", "", `"20 nov 2026 4:00:27 p.m."`, moment},
		{"month in words", "", `"20 NOV 2026"`, "2026-11-20T00:00:00Z"},
		{"month in words", "America/New_York", `"20-Nov-2026"`, "2026-11-20T05:00:00Z"},
		{"month in words", "", `"20 novembre 2026"`, "2026-11-20T00:00:00Z"},
		{"month in words", "", `"10 fév. 2026"`, "2026-02-10T00:00:00Z"},
		{"month in words", "", `"10 fév 2026 16:00:27"`, "2026-02-10T16:00:27Z"},
		{"month in words", "", `"Friday, November 20th, 2026"`, "2026-11-20T00:00:00Z"},
		{"month in words", "", `"Nov 2026"`, unreadable},
		{"month in words", "", `"30 Feb 2026"`, unreadable},

		{"Go", "", `"2026-11-20 16:00:27.029384 +0000 UTC"`, moment},
		{"Go", "", `"2026-11-20 16:00:27.029384 +0000 UTC m=+0.000000001"`, moment},
		{"Go", "", `"2026-11-20 17:00:27.029384 +0100 CET m=-12.5"`, moment},
		{"Go", "", `"2026-11-20 13:00:27 -0300 -03"`, moment},
		{"Go", "", `"Fri Nov 20 16:00:27 UTC 2026"`, moment},
		{"Go", "", `"20 Nov 26 16:00 UTC"`, "2026-11-20T16:00:00Z"},
		{"Java", "", `"2026-11-20T16:00:27.029Z[UTC]"`, moment},
		{"Java", "", `"2026-11-20T17:00:27+01:00[Europe/Berlin]"`, moment},
		{"Java", "", `"2026-11-20T17:00:27[Europe/Berlin]"`, moment},
		{"Java", "", `"2026-11-20T11:00:27[America/New_York]"`, moment},
		{"Java", "", `"Fri Nov 20 17:00:27 CET 2026"`, moment},
		{"Java", "", `"Fri Nov 20 11:00:27 EST 2026"`, moment},
		{"Java", "Asia/Kolkata", `"Fri Nov 20 21:30:27 IST 2026"`, moment},
		{"Java", "", `"Fri Nov 20 21:30:27 IST 2026"`, unreadable}, // of India, Israel or Ireland
		{"Java", "Asia/Shanghai", `"Sat Nov 21 00:00:27 CST 2026"`, moment},
		{"Java", "", `"Fri Nov 20 08:00:27 GMT-08:00 2026"`, moment},
		{"Java", "", `"Nov 20, 2026 4:00:27 PM"`, moment},
		{"Java", "", `"Nov 20, 2026, 4:00:27 PM"`, moment}, // U+202F
		{"Java", "", `[2026,11,20,16,0,27,29384000]`, moment},
		{"Java", "", `[2026,11,20,16,0]`, "2026-11-20T16:00:00Z"},
		{"Java", "", `[2026,13,20,16,0]`, unreadable},
		{"JavaScript", "", `"Fri Nov 20 2026 16:00:27 GMT+0000 (Coordinated Universal Time)"`, moment},
		{"JavaScript", "", `"Fri Nov 20 2026 17:00:27 GMT+0100 (Central European Standard Time)"`, moment},
		{"JavaScript", "", `"Fri, 20 Nov 2026 16:00:27 GMT"`, moment},
		{"JavaScript", "", `"11/20/2026, 4:00:27 PM"`, moment},
		{"JavaScript", "", `"November 20, 2026 at 4:00:27 PM UTC"`, moment},
		{"JavaScript", "", `"November 20, 2026 at 5:00:27 PM GMT+1"`, moment},
		{"Python", "", `"2026-11-20 16:00:27.029384+00:00"`, moment},
		{"Python", "", `"2026-11-20T16:00:27.029384+00:00Z"`, moment}, // isoformat() + "Z"
		{"Python", "", `"Fri Nov 20 16:00:27 2026"`, moment},
		{"Python", "", `"Fri Nov  6 16:00:27 2026"`, "2026-11-06T16:00:27Z"},
		{"Python", "", `"1795190427.029384"`, moment},
		{"by hand", "", `"2026-11-20T9:5:7.533795"`, "2026-11-20T09:05:07Z"}, // without leading zeros
		{"by hand", "", `"2026-11-20T9:5:7Z"`, "2026-11-20T09:05:07Z"},
		{"by hand", "", `"2026-11-20T9:61:7Z"`, unreadable},
		{"PHP", "", `"Fri, 20 Nov 2026 16:00:27 +0000"`, moment},
		{"PHP", "", `"Friday, 20-Nov-2026 16:00:27 UTC"`, moment},
		{"PHP", "", `"Friday, 20-Nov-26 16:00:27 UTC"`, moment},
		{"PHP", "", `"Fri, 20 Nov 26 16:00:27 +0000"`, moment},
		{"PHP", "", `"November 20, 2026, 4:00 pm"`, "2026-11-20T16:00:00Z"},
		{"PHP", "", `{"date":"2026-11-20 16:00:27.000000","timezone_type":3,"timezone":"UTC"}`, moment},
		{"PHP", "", `{"date":"2026-11-20 17:00:27.000000","timezone_type":3,"timezone":"Europe/Berlin"}`, moment},
		{"PHP", "", `{"date":"2026-11-20 17:00:27.000000","timezone_type":1,"timezone":"+01:00"}`, moment},
		{"PHP", "", `{"date":"2026-11-20 11:00:27.000000","timezone_type":2,"timezone":"EST"}`, moment},
		{"PHP", "", `{"date":"2026-11-20 11:00:27","timezone":"../etc/passwd"}`, unreadable},
		{"Ruby", "", `"2026-11-20 16:00:27 UTC"`, moment},
		{"Ruby", "", `"2026-11-20 17:00:27 +0100"`, moment},
		{"Ruby", "", `"2026-11-20T17:00:27+01:00"`, moment},
		{"Ruby", "", `"2026-11-20 16:00:27.029384 UTC"`, moment},
		{".NET", "", `"/Date(1795190427000)/"`, moment},
		{".NET", "", `"/Date(1795190427000+0100)/"`, moment}, // the offset is for show
		{".NET", "", `"2026-11-20T16:00:27.0293840Z"`, moment},
		{".NET", "", `"2026-11-20 16:00:27Z"`, moment},
		{".NET", "", `"11/20/2026 4:00:27 PM"`, moment},
		{".NET", "", `"20/11/2026 4:00:27 PM"`, moment}, // en-AU
		{".NET", "", `"11/20/2026 4:00:27 PM +00:00"`, moment},
		{".NET", "", `"11/11/2026 12:30:00 AM"`, "2026-11-11T00:30:00Z"},
		{".NET", "", `"11/12/2026 4:00:27 PM"`, unreadable}, // November or December
		{".NET", "", `"20.11.2026 16:00:27"`, moment},
		{".NET", "", `"20. 11. 2026 16:00:27"`, moment},
		{"Swift", "", `"2026-11-20T16:00:27.029:Z"`, moment},
		{"Swift", "", `"2026-11-20T16:00:27:Z"`, moment},
		{"Swift", "", `"2026-11-20 16:00:27 +0000"`, moment},
		{"Swift", "", `816883227.5`, unreadable}, // seconds since 2001
		{"BSON", "", `{"$date":"2026-11-20T16:00:27Z"}`, moment},
		{"BSON", "", `{"$date":1795190427029}`, moment},
		{"BSON", "", `{"$date":{"$numberLong":"1795190427029"}}`, moment},
		{"Firestore", "", `{"_seconds":1795190427,"_nanoseconds":29384000}`, moment},
		{"protobuf", "", `{"seconds":"1795190427","nanos":29384000}`, moment},

		{"seconds", "", `1795190427`, moment},
		{"seconds", "", `1.795190427e9`, moment},
		{"seconds", "", `"1795190427"`, moment},
		{"seconds", "", `" １７９５１９０４２７"`, moment},
		{"milliseconds", "", `1795190427029`, moment},
		{"microseconds", "", `1795190427029384`, moment},
		{"microseconds", "", `"1795190427029384"`, moment},
		{"nanoseconds", "", `1795190427029384000`, moment},
		{"digits", "", `20261120160027`, moment},
		{"digits", "", `"20261120160027"`, moment},
		{"digits", "Europe/Berlin", `"20261120170027"`, moment},
		{"digits", "", `"20261120160027029"`, moment},
		{"digits", "", `"20261120160027.029"`, moment},
		{"digits", "", `202611201600`, "2026-11-20T16:00:00Z"},
		{"digits", "", `20261120`, "2026-11-20T00:00:00Z"},
		{"digits", "America/New_York", `"20261120"`, "2026-11-20T05:00:00Z"},
		{"digits", "", `20261320`, unreadable},

		{"implausible", "", `46346.67`, unreadable}, // a spreadsheet's serial number
		{"implausible", "", `"0001-01-01T00:00:00Z"`, unreadable},
		{"implausible", "", `"2003-12-31T23:59:59Z"`, unreadable},
		{"implausible", "", `"2004-01-01T00:00:00Z"`, "2004-01-01T00:00:00Z"},
		{"implausible", "", `"2027-11-22T00:00:00Z"`, "2027-11-22T00:00:00Z"}, // 366 days
		{"implausible", "", `"2027-11-22T00:00:01Z"`, unreadable},
		{"implausible", "", `0`, unreadable},
		{"implausible", "", `-1795190427`, unreadable},
		{"implausible", "", `1e400`, unreadable},

		{"unknown order", "", `"19/11/2026 16:29:22"`, unreadable},
		{"unknown order", "", `"11/19/2026 16:29"`, unreadable},
		{"unknown order", "", `"19-11-2026 16:29:22"`, unreadable},
		{"no time of day", "", `"2026-11-20"`, "2026-11-20T00:00:00Z"},
		{"no time of day", "America/New_York", `"2026-11-20"`, "2026-11-20T05:00:00Z"},
		{"no time of day", "", `"2026-02-29"`, unreadable},
		{"no time of day", "Europe/Berlin", `"20.11.2026"`, "2026-11-19T23:00:00Z"},
		{"no time of day", "", `"20/11/2026"`, unreadable},
		{"no date", "", `"16:00:27"`, unreadable},
		{"no such day", "", `"2026-02-29T16:00:27Z"`, unreadable},
		{"no such hour", "", `"2026-11-20T25:00:27Z"`, unreadable},
		{"no such hour", "", `"11/20/2026 16:00:27 PM"`, unreadable},
		{"no such zone", "", `"2026-11-20 16:00:27 XYZ"`, unreadable},
		{"more", "", `"2026-11-20 16:00:27 and more"`, unreadable},
		{"other", "", `true`, unreadable},
		{"other", "", `{}`, unreadable},
		{"other", "", `"` + strings.Repeat("2026-11-20 ", 20) + `16:00:27"`, unreadable},
	} {
		loc := time.UTC
		if c.zone != "" {
			var err error
			if loc, err = time.LoadLocation(c.zone); err != nil {
				t.Fatal(err)
			}
		}
		times := Times{Loc: loc}
		got := ""
		if at, ok := times.Value([]byte(c.raw), received); ok {
			got = at.Truncate(time.Second).Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s: %s in %q\n got %q\nwant %q", c.lang, c.raw, c.zone, got, c.want)
		}
		if at, ok := ReadTime([]byte(c.raw), loc); c.want != unreadable && (!ok || at.Truncate(time.Second).Format(time.RFC3339) != c.want) {
			t.Errorf("%s: ReadTime reads %s as %v, %v", c.lang, c.raw, at, ok)
		}
	}
}

// A time of receipt from a clock that was never set limits no time of an event.
func TestPlausibleByAnUnsetClock(t *testing.T) {
	c, epoch := Times{Loc: time.UTC}, time.Unix(1000, 0)
	for raw, want := range map[string]string{`"2026-11-20T16:00:27Z"`: "2026-11-20T16:00:27Z", `20261120160027`: "2026-11-20T16:00:27Z", `"2112-11-20T16:00:27Z"`: ""} {
		got := ""
		if at, ok := c.Value([]byte(raw), epoch); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// A layout of the mapping is tried after the standard formats.
func TestTimeFormat(t *testing.T) {
	for _, c := range []struct{ layout, zone, raw, want string }{
		{"02/01/2006 15:04", "", `"05/11/2026 16:29"`, "2026-11-05T16:29:00Z"},
		{"01/02/2006 03:04:05 PM", "", `"11/05/2026 04:29:22 PM"`, "2026-11-05T16:29:22Z"},
		{"2006-01-02", "America/New_York", `"2026-11-05"`, "2026-11-05T05:00:00Z"},
		{"02-01-2006 15:04:05", "Europe/Berlin", `"05-11-2026 16:29:22"`, "2026-11-05T15:29:22Z"},
		{"020106 1504", "", `"051126 1629"`, "2026-11-05T16:29:00Z"},
		{"2/1/2006 15:04", "", `" 5/11/2026 16:29"`, "2026-11-05T16:29:00Z"},
		{"02/01/2006 15:04", "", `"2026-11-05T16:29:00Z"`, "2026-11-05T16:29:00Z"}, // the standard forms stay
		{"02/01/2006 15:04", "", `"05/11/2026"`, ""},
		{"02/01/2006 15:04", "", `"05/11/1926 16:29"`, ""},
	} {
		loc := time.UTC
		if c.zone != "" {
			var err error
			if loc, err = time.LoadLocation(c.zone); err != nil {
				t.Fatal(err)
			}
		}
		if err := CheckTimeFormat(c.layout); err != nil {
			t.Errorf("%s: %v", c.layout, err)
		}
		times := Times{Loc: loc, Layouts: []string{c.layout}}
		got := ""
		if at, ok := times.Value([]byte(c.raw), received); ok {
			got = at.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.raw, c.layout, got, c.want)
		}
	}
	if at, ok := ReadTime([]byte(`"05/11/2026"`), time.UTC, "02/01/2006 15:04", "02/01/2006"); !ok || at.Day() != 5 {
		t.Errorf("the second layout: %v %v", at, ok)
	}
}

// An error of CheckTimeFormat contains what to write.
func TestTimeFormatRefused(t *testing.T) {
	for _, c := range []struct{ layout, want string }{
		{"DD/MM/YYYY HH:mm", `"02/01/2006 15:04"`},
		{"dd.MM.yyyy HH:mm:ss", `"02.01.2006 15:04:05"`},
		{"MM/dd/yyyy hh:mm tt", `"01/02/2006 03:04 PM"`},
		{"%d/%m/%Y %H:%M", `"02/01/2006 15:04"`},
		{"%Q", "2 January 2006"},
		{"15:04", "lacks a day, month or year"},
		{"19/11/2026 16:29", "lacks a day, month or year"},
		{"02/01/2006 03:04", "without AM or PM"},
		{"02/01/2006 15:04 MST", "-0700"},
		{" ", "is empty"},
		{"2006-01-02 PM", "loses the hour"},
		{"%d %B", "2 January 2006"},
		{"D", "2 January 2006"},
	} {
		if err := CheckTimeFormat(c.layout); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q in it", c.layout, err, c.want)
		}
	}
}

// No text is read as a time outside the plausible range, and none makes the reader panic.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"Fri Nov 20 16:00:27 UTC 2026", "2026-11-20T17:00:27+01:00[Europe/Berlin]", "20261120T160027Z", "/Date(1795190427000)/", "11/20/2026, 4:00:27 PM",
		"1795190427029384000", "Friday, 20-Nov-26 16:00:27 UTC", "2026-11-20T16:00:27.029:Z", "20.11.2026 24:00:00", "t 1:00:00z",
	} {
		f.Add(s)
	}
	c := Times{Loc: time.UTC, Layouts: []string{"02/01/2006 15:04"}}
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		if at, ok := c.Value(raw, received); ok && !Plausible(at, received) {
			t.Errorf("%q is %v", s, at)
		}
	})
}
