package age

import (
	"testing"
	"time"
)

// update is one call of Clock.Update.
type update struct {
	after   time.Duration // run time since the last one
	wall    string
	trusted bool
}

func TestOlder(t *testing.T) {
	const day = 24 * time.Hour
	steady := func(from string, n int) []update { // n updates with trusted time, a minute apart
		at := parse(from)
		out := make([]update, 0, n)
		for i := range n {
			out = append(out, update{time.Minute, at.Add(time.Duration(i) * time.Minute).Format(time.RFC3339), true})
		}
		return out
	}
	for _, c := range []struct {
		name          string
		before, after []update // something begins in between
		older         bool     // than 90 days
	}{
		{"right clock, young", steady("2026-01-01T00:00:00Z", 20), steady("2026-01-01T00:20:00Z", 20), false},
		{"right clock, off for 100 days", steady("2026-01-01T00:00:00Z", 20), steady("2026-04-11T00:00:00Z", 20), true},
		{"the same, a minute after the start", steady("2026-01-01T00:00:00Z", 20), steady("2026-04-11T00:00:00Z", 2), false},
		{"1970, then NTP", []update{{time.Minute, "1970-01-01T00:01:00Z", false}}, steady("2026-01-01T00:00:00Z", 60), false},
		{"always 1970", []update{{time.Minute, "1970-01-01T00:01:00Z", false}}, []update{{89 * day, "1970-03-31T00:00:00Z", false}}, false},
		{"always 1970, run for 91 days", []update{{time.Minute, "1970-01-01T00:01:00Z", false}}, []update{{91 * day, "1970-04-02T00:00:00Z", false}}, true},
		{
			"a year ahead for a second", steady("2026-01-01T00:00:00Z", 20),
			append([]update{{time.Second, "2027-01-01T00:20:00Z", true}}, steady("2026-01-01T00:20:01Z", 20)...), false,
		},
		{
			"began while a year behind for a second", append(steady("2026-01-01T00:00:00Z", 20), update{time.Second, "2025-01-01T00:20:00Z", true}),
			steady("2026-01-01T00:20:01Z", 20), false,
		},
		{"began in 2025 by a clock that is not trusted", []update{{time.Minute, "2025-01-01T00:00:00Z", false}}, steady("2026-01-01T00:00:00Z", 20), false},
		{"not trusted at the end", steady("2026-01-01T00:00:00Z", 20), []update{{time.Minute, "2027-01-01T00:00:00Z", false}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := time.Now()
			a := NewClock(5*time.Hour, at)
			updateAll := func(updates []update) {
				for _, u := range updates {
					at = at.Add(u.after)
					a.Update(at, parse(u.wall), u.trusted)
				}
			}
			updateAll(c.before)
			s := a.Stamp()
			updateAll(c.after)
			if got := a.Older(s, 90*day); got != c.older {
				t.Errorf("older %v, want %v (%+v, %+v)", got, c.older, s, a)
			}
		})
	}
}

// On a machine that never has a trusted time and is switched off every night, run
// time accumulates over restarts.
func TestRunTimeSurvivesRestarts(t *testing.T) {
	a := NewClock(0, time.Now())
	s := a.Stamp()
	for n := range 20 {
		at := time.Now()
		a = NewClock(a.Ran(), at)
		a.Update(at.Add(8*time.Hour), time.Unix(0, 0), false)
		if got, want := a.Older(s, 100*time.Hour), n+1 > 12; got != want {
			t.Fatalf("after %d days of 8 hours: %v", n+1, got)
		}
	}
}

// When the stored run time was lost, it is at least that of every stamp.
func TestStampRestoresLostRunTime(t *testing.T) {
	a := NewClock(0, time.Now())
	old, young := Stamp{Ran: time.Hour}, Stamp{Ran: 1000 * time.Hour}
	if a.Older(young, 100*time.Hour) || !a.Older(old, 100*time.Hour) {
		t.Errorf("%v", a.Ran())
	}
}

// Since is the run time that has passed, or more if both stamps have a trusted time.
func TestStamps(t *testing.T) {
	at := parse("2026-01-01T00:00:00Z")
	early, late := Stamp{Ran: time.Hour, At: at}, Stamp{Ran: 3 * time.Hour, At: at.Add(50 * time.Hour)}
	unknown := Stamp{Ran: 2 * time.Hour}
	for _, c := range []struct {
		from, to Stamp
		want     time.Duration
	}{{early, late, 50 * time.Hour}, {early, unknown, time.Hour}, {unknown, late, time.Hour}, {early, early, 0}, {late, early, -2 * time.Hour}} {
		if got := c.to.Since(c.from); got != c.want {
			t.Errorf("from %+v to %+v: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	for _, two := range [][2]Stamp{{early, late}, {late, early}} {
		if Earliest(two[0], two[1]) != early || Latest(two[0], two[1]) != late {
			t.Errorf("of %+v", two)
		}
	}
	off := Stamp{Ran: early.Ran, At: late.At} // the machine was off in between
	for _, two := range [][2]Stamp{{early, off}, {off, early}} {
		if Earliest(two[0], two[1]) != early || Latest(two[0], two[1]) != off {
			t.Errorf("of %+v", two)
		}
	}
	if Earliest(unknown, late) != (Stamp{Ran: unknown.Ran}) || Latest(early, unknown) != (Stamp{Ran: unknown.Ran}) {
		t.Error("a trusted time is applied to a moment that has none")
	}
	a := NewClock(time.Hour, time.Now())
	a.AtLeast(5 * time.Hour)
	a.AtLeast(time.Hour)
	if a.Ran() != 5*time.Hour {
		t.Errorf("%v", a.Ran())
	}
}

func parse(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return at
}
