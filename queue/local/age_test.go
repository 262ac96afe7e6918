package local

import (
	"sync/atomic"
	"testing"
	"time"

	"relay/queue/local/internal/age"
)

// settableClock is a clock that a test sets.
type settableClock struct{ at atomic.Pointer[shown] }

type shown struct {
	told     time.Time
	believed bool
}

func (c *settableClock) set(told time.Time, believed bool) { c.at.Store(&shown{told, believed}) }

func (c *settableClock) now() (time.Time, bool) { s := c.at.Load(); return s.told, s.believed }

// A wrong clock never removes a letter: not one that starts in 1970, whether or not it is
// corrected, nor one that is a year ahead for a moment. Letters that are old by a right clock or
// by run time are removed and counted.
func TestDeadMaxAge(t *testing.T) {
	const limit = 90 * 24 * time.Hour
	year2026 := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		died, now  time.Time
		knew, know bool          // whether the time was trusted at death, and is now
		agreed     time.Duration // for how long the clock has been right
		ran        time.Duration // in between
		gone       bool
	}{
		{name: "1970, then NTP", died: time.Unix(60, 0), now: year2026, know: true, agreed: time.Hour, ran: 2 * time.Hour},
		{name: "always 1970", died: time.Unix(60, 0), now: time.Unix(0, 0).Add(2 * limit), ran: 2 * time.Hour},
		{name: "a year ahead for a second", died: year2026, knew: true, now: year2026.AddDate(1, 0, 0), know: true, ran: time.Hour},
		{name: "a year ahead, not trusted", died: year2026, knew: true, now: year2026.AddDate(1, 0, 0), ran: time.Hour},
		{name: "off for a year", died: year2026, knew: true, now: year2026.AddDate(1, 0, 0), know: true, agreed: time.Hour, ran: 2 * time.Hour, gone: true},
		{name: "always 1970, running for a quarter", died: time.Unix(60, 0), now: time.Unix(120, 0), ran: limit + time.Hour, gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := new(settableClock)
			clock.set(c.died, c.knew)
			q := openTest(t, t.TempDir(), Options{DeadMaxAge: limit, Clock: clock.now, NoSync: true})
			opened(t, q)
			mustAppend(t, q, entry("m-1", "l"))
			settleDead(t, q, "l")
			clock.set(c.now, c.know)
			q.ages.mu.Lock()
			at := time.Now().Add(-c.agreed)
			q.ages.clock = age.NewClock(q.ages.clock.Ran()+c.ran-c.agreed, at)
			q.ages.clock.Update(at, c.now.Add(-c.agreed), c.know)
			q.ages.clock.Update(time.Now(), c.now, c.know)
			q.ages.mu.Unlock()
			q.expireDead()
			if ids, _ := deadIDs(t, q); (len(ids) == 0) != c.gone {
				t.Errorf("%d letters", len(ids))
			}
			if n := q.Stats().Dropped["dead_max_age"]; (n == 1) != c.gone {
				t.Errorf("%d counted", n)
			}
		})
	}
}

// Run time continues after a restart.
func TestRunTimeContinues(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{NoSync: true})
	opened(t, q)
	q.ages.mu.Lock()
	q.ages.clock = age.NewClock(1000*time.Hour, time.Now())
	q.ages.mu.Unlock()
	q.updateAges()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{NoSync: true})
	if ran := q.ages.update().Ran; ran < 1000*time.Hour {
		t.Errorf("after a restart it ran for %v", ran)
	}
}
