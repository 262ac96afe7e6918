package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"relay/relay/internal/drain/clock"
	"relay/relay/internal/graph"
)

// A clock that was told the time keeps it by the monotonic clock; when the wall clock jumps,
// nobody is trusted until the next answer.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		start := time.Now()
		off := time.Duration(0)
		c := clock.New(clock.Options{Wall: func() time.Time { return real.Add(time.Since(start) + off) }})
		if _, trusted := c.Now(); trusted {
			t.Error("trusted before anybody told the time")
		}
		tell := func() {
			c.Observe(graph.Result{Class: graph.Delivered, ServerTime: real.Add(time.Since(start)).Truncate(time.Second)})
		}
		check := func(what string, trusted bool) {
			t.Helper()
			now, ok := c.Now()
			if ok != trusted {
				t.Errorf("%s: trusted %v", what, ok)
			}
			if d := now.Sub(real.Add(time.Since(start))).Abs(); ok && d > 2*time.Second {
				t.Errorf("%s: off by %s", what, d)
			}
		}
		tell()
		check("told", true)
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		check("long after", true)
		off = 30 * time.Second
		check("slewed", true)
		off = 365 * 24 * time.Hour
		check("jumped ahead", false)
		tell()
		check("told again", true)
		off = -off
		check("jumped back", false)
		// A captive portal's Date says nothing.
		c.Observe(graph.Result{Class: graph.Doubt, HTTPStatus: 200, ServerTime: real.AddDate(3, 0, 0)})
		check("told by a stranger", false)
	})
}
