package room

import (
	"testing"
	"time"
)

// A look of a machine whose clock does what the test says.
type look struct {
	after    time.Duration // run time since the last one
	told     string
	believed bool
}

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	steady := func(from string, n int) []look { // believed, for n looks of a minute
		at := parse(from)
		out := make([]look, 0, n)
		for i := range n {
			out = append(out, look{time.Minute, at.Add(time.Duration(i) * time.Minute).Format(time.RFC3339), true})
		}
		return out
	}
	for _, c := range []struct {
		name          string
		before, after []look // what began did so in between
		over          bool   // 90 days
	}{
		{"right clock, young", steady("2026-01-01T00:00:00Z", 20), steady("2026-01-01T00:20:00Z", 20), false},
		{"right clock, off for 100 days", steady("2026-01-01T00:00:00Z", 20), steady("2026-04-11T00:00:00Z", 20), true},
		{"the same, a minute after the start", steady("2026-01-01T00:00:00Z", 20), steady("2026-04-11T00:00:00Z", 2), false},
		{"1970, then NTP", []look{{time.Minute, "1970-01-01T00:01:00Z", false}}, steady("2026-01-01T00:00:00Z", 60), false},
		{"1970 for ever", []look{{time.Minute, "1970-01-01T00:01:00Z", false}}, []look{{89 * day, "1970-03-31T00:00:00Z", false}}, false},
		{"1970 for ever, run for 91 days", []look{{time.Minute, "1970-01-01T00:01:00Z", false}}, []look{{91 * day, "1970-04-02T00:00:00Z", false}}, true},
		{
			"a year ahead for a second", steady("2026-01-01T00:00:00Z", 20),
			append([]look{{time.Second, "2027-01-01T00:20:00Z", true}}, steady("2026-01-01T00:20:01Z", 20)...), false,
		},
		{
			"began while a year behind for a second", append(steady("2026-01-01T00:00:00Z", 20), look{time.Second, "2025-01-01T00:20:00Z", true}),
			steady("2026-01-01T00:20:01Z", 20), false,
		},
		{"began in 2025, says a clock that is not believed", []look{{time.Minute, "2025-01-01T00:00:00Z", false}}, steady("2026-01-01T00:00:00Z", 20), false},
		{"not believed at the end", steady("2026-01-01T00:00:00Z", 20), []look{{time.Minute, "2027-01-01T00:00:00Z", false}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := time.Now()
			a := NewAge(5*time.Hour, at)
			see := func(looks []look) {
				for _, l := range looks {
					at = at.Add(l.after)
					a.Look(at, parse(l.told), l.believed)
				}
			}
			see(c.before)
			s := a.Stamp()
			see(c.after)
			if got := a.Over(s, 90*day); got != c.over {
				t.Errorf("over %v, want %v (%+v, %+v)", got, c.over, s, a)
			}
		})
	}
}

// A machine that never knows the time and is switched off every night: its run
// time counts over the restarts.
func TestAgeOverRestarts(t *testing.T) {
	a := NewAge(0, time.Now())
	s := a.Stamp()
	for n := range 20 {
		at := time.Now()
		a = NewAge(a.Ran(), at)
		a.Look(at.Add(8*time.Hour), time.Unix(0, 0), false)
		if got, want := a.Over(s, 100*time.Hour), n+1 > 12; got != want {
			t.Fatalf("after %d days of 8 hours: %v", n+1, got)
		}
	}
}

// The run time on record was lost: what is left was there for as long as it says.
func TestAgeOfALostRecord(t *testing.T) {
	a := NewAge(0, time.Now())
	old, young := Stamp{Ran: time.Hour}, Stamp{Ran: 1000 * time.Hour}
	if a.Over(young, 100*time.Hour) || !a.Over(old, 100*time.Hour) {
		t.Errorf("%v", a.Ran())
	}
}

// Between two moments passed what is known to have: the run time, or more if both
// were at a believed time.
func TestMoments(t *testing.T) {
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
		t.Error("a believed time is taken for that of another moment")
	}
	a := NewAge(time.Hour, time.Now())
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
