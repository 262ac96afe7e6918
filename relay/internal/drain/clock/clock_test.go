package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"relay/relay/internal/drain/clock"
	"relay/relay/internal/graph"
)

// After an answer with the time, the clock keeps it by the monotonic clock. When the wall clock is stepped, it
// keeps the time too, and does not trust it until the next answer.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		start := time.Now()
		var off, slept time.Duration
		read := 0
		boot := func() (string, func() time.Duration) {
			return "boot", func() time.Duration { read++; return time.Since(start) + slept }
		}
		truth := func() time.Time { return real.Add(time.Since(start) + slept) }
		c := clock.New(clock.Options{Wall: func() time.Time { return truth().Add(off) }, Boot: boot})
		if _, trusted := c.Now(); trusted {
			t.Error("trusted before any answer")
		}
		tell := func() {
			c.Observe(graph.Result{Class: graph.Delivered, ServerTime: truth().Truncate(time.Second)})
		}
		check := func(what string, trusted bool) {
			t.Helper()
			before := read
			for range 100 {
				now, ok := c.Now()
				if ok != trusted || c.Asking() == trusted {
					t.Fatalf("%s: trusted %v, asking %v", what, ok, c.Asking())
				}
				if d := now.Sub(truth()).Abs(); d > 2*time.Second {
					t.Fatalf("%s: off by %s", what, d)
				}
				if d := c.Received().Sub(truth()); d > time.Minute+time.Second || d < -5*time.Minute-time.Second {
					t.Fatalf("%s: received at a time off by %s", what, d)
				}
			}
			if read > before+1 {
				t.Errorf("%s: the time since boot was read %d times for 100 events", what, read-before)
			}
		}
		tell()
		check("after an answer", true)
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		check("long after", true)
		off = 30 * time.Second
		check("a little ahead", true)
		off = 4 * time.Minute
		check("some minutes ahead", true)
		off = -4 * time.Minute
		check("some minutes back", true)
		slept = 8 * time.Hour
		check("resumed", true)
		off = 365 * 24 * time.Hour
		check("stepped ahead", false)
		slept += 8 * time.Hour
		check("resumed while ahead", false)
		off = 25 * time.Hour
		check("stepped to another wrong time", false)
		off = 0
		check("set right again", true)
		off = 365 * 24 * time.Hour
		check("stepped ahead again", false)
		tell()
		check("after another answer", true)
		off = -off
		check("stepped back", false)
		// The date of a captive portal means nothing.
		c.Observe(graph.Result{Class: graph.Doubt, HTTPStatus: 200, ServerTime: real.AddDate(3, 0, 0)})
		check("answered by a captive portal", false)
		// A hub that does not trust its own clock answers without a time. It is not asked again.
		c.Observe(graph.Result{Class: graph.Delivered})
		if _, trusted := c.Now(); trusted || c.Asking() {
			t.Errorf("after an answer without a date: trusted %v, asking %v", trusted, c.Asking())
		}
	})
}

// A clock that NTP keeps needs no answer, and setting it by hand ends what NTP does.
func TestClockKeptByNTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		start := time.Now()
		off, synced := time.Duration(0), true
		truth := func() time.Time { return real.Add(time.Since(start)) }
		c := clock.New(clock.Options{Wall: func() time.Time { return truth().Add(off) }, Synced: func() bool { return synced }})
		check := func(what string, right, trusted bool) {
			t.Helper()
			now, ok := c.Now()
			if ok != trusted || now.Equal(truth()) != right {
				t.Errorf("%s: %s, trusted %v; it is %s", what, now, ok, truth())
			}
		}
		check("kept", true, true)
		off, synced = 25*time.Hour, false
		check("set by hand", true, false)
		off, synced = 0, true
		check("kept again", true, true)
		off = 2 * time.Minute // what NTP does is right: the anchor was wrong
		check("stepped by NTP", false, true)
		if now, _ := c.Now(); !now.Equal(truth().Add(off)) {
			t.Errorf("NTP has set the clock to %s, it is taken for %s", truth().Add(off), now)
		}
	})
}

// Before the time is known, the time of receipt is that of the wall clock.
func TestReceivedBeforeTheTimeIsKnown(t *testing.T) {
	t.Parallel()
	for _, wall := range []time.Time{time.Unix(0, 0), time.Date(2025, 7, 1, 12, 0, 0, 0, time.UTC)} {
		c := clock.New(clock.Options{Wall: func() time.Time { return wall }})
		if got := c.Received(); !got.Equal(wall) {
			t.Errorf("received at %s, the clock shows %s", got, wall)
		}
	}
}
