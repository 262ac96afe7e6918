package drain

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"relay/relay/internal/graph"
)

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.RequestsPerSecond, w.opts.Settings.Burst = 2, 4
		w.opts.Settings.MaxEvents = 1
		w.fill(setA, "a", 100)
		w.fill(setB, "b", 100)
		begin := time.Now()
		w.run()
		defer func() { w.stop() }()
		pass(20 * time.Second)
		var a, b int
		for _, c := range w.sender.seen() {
			if c.set == setA {
				a++
			} else {
				b++
			}
		}
		if n := a + b; n < 40 || n > 42 {
			t.Errorf("%d requests in 20 s at 2 a second, for both sets together", n)
		}
		if a < 15 || b < 15 {
			t.Errorf("the limiter is not shared fairly: %d and %d", a, b)
		}
		if c := w.sender.seen(); c[1].at.Sub(begin) < 400*time.Millisecond {
			t.Error("a start is a burst")
		}
	})
}

// Rate 0.1 to 100, to 0 and back: a sleeping lane follows at once.
func TestRateChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.RequestsPerSecond = 0.1
		w.opts.Settings.MaxEvents = 1
		w.fill(setA, "a", 10000)
		w.run()
		defer func() { w.stop() }()
		pass(5 * time.Second)
		if n := len(w.sender.seen()); n != 1 {
			t.Fatalf("%d requests", n)
		}
		w.wantState(setA, RateLimited)
		set := quick()
		set.MaxEvents, set.RequestsPerSecond = 1, 100
		w.s.SetSettings(set)
		pass(time.Second)
		n := len(w.sender.seen())
		if n < 90 || n > 110 {
			t.Errorf("%d requests within a second of the change", n)
		}
		set.RequestsPerSecond = 0
		w.s.SetSettings(set)
		pass(time.Millisecond)
		n = len(w.sender.seen())
		pass(time.Hour)
		if got := len(w.sender.seen()); got != n {
			t.Errorf("%d requests at rate 0", got-n)
		}
		set.RequestsPerSecond = 100
		w.s.SetSettings(set)
		pass(time.Second)
		if got := len(w.sender.seen()) - n; got < 90 || got > 110 {
			t.Errorf("%d requests within a second of going on", got)
		}
	})
}

// An hour of 500: exponential with full jitter up to the cap, one at a time,
// and a ramp when it is over.
func TestBackoffAndRamp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.RequestsPerSecond, w.opts.Settings.Burst, w.opts.Settings.MaxEvents = 2, 4, 10
		rnd := rand.New(rand.NewPCG(1, 2))
		w.opts.Rand = rnd.Float64
		begin := time.Now()
		w.sender.set(func(n int, c call) graph.Result {
			if time.Since(begin) < time.Hour {
				return graph.Result{Class: graph.Retry, HTTPStatus: 500, Code: 2}
			}
			return graph.Result{Class: graph.Delivered}
		})
		w.fill(setA, "a", 1000)
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		calls := w.sender.seen()
		var gaps []time.Duration
		for i := range len(calls) - 1 {
			gaps = append(gaps, calls[i+1].at.Sub(calls[i].at))
			if calls[i+1].data() != calls[0].data() {
				t.Fatal("a retry differs")
			}
		}
		late := gaps[6:]
		if slices.Max(gaps) > 31*time.Second {
			t.Errorf("longest gap %s", slices.Max(gaps))
		}
		if slices.Max(late) < 25*time.Second || slices.Min(late) > 5*time.Second {
			t.Errorf("gaps from %s to %s: no full jitter", slices.Min(late), slices.Max(late))
		}
		if n := len(calls); n < 150 || n > 400 {
			t.Errorf("%d attempts in an hour", n)
		}
		if n := w.logs.count("retrying"); n > 8 {
			t.Errorf("%d log lines in an hour of trouble", n)
		}
		pass(31 * time.Second)
		n := len(w.sender.seen())
		pass(5 * time.Minute)
		after := w.sender.seen()[n:]
		if w.logs.count("recovered") != 1 {
			t.Error("recovery not said, or not once")
		}
		for i := range len(after) - 1 {
			if gap := after[i+1].at.Sub(after[i].at); gap < 200*time.Millisecond {
				t.Errorf("gap of %s after recovery at 2 requests a second", gap)
			}
		}
		if d := w.lane(setA); d.Failures != 0 {
			t.Errorf("after recovery: %+v", d)
		}
		w.wantPending(setA, 0)
	})
}

// One success among failures does not forget them.
func TestBackoffResetsOnlyAfterStableSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.MaxEvents = 1
		w.fill(setA, "a", 100)
		w.sender.set(func(n int, c call) graph.Result {
			if n == 8 {
				return graph.Result{Class: graph.Delivered}
			}
			return graph.Result{Class: graph.Retry, HTTPStatus: 500, Code: 2}
		})
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Minute)
		c := w.sender.seen()
		if gap := c[9].at.Sub(c[8].at); gap < 10*time.Second {
			t.Errorf("after one success the wait began anew with %s", gap)
		}
	})
}

// A hundred relays come back together: no second sees twice the steady rate.
func TestHerd(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const relays = 100
		begin := time.Now()
		back := begin.Add(10 * time.Minute)
		perSecond := make([]int, 700)
		var worlds []*world
		for i := range relays {
			w := newWorld(t)
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			w.opts.Rand = rnd.Float64
			w.opts.Settings.RequestsPerSecond, w.opts.Settings.Burst, w.opts.Settings.MaxEvents = 2, 4, 1
			w.sender.set(func(int, call) graph.Result {
				if time.Now().Before(back) {
					return graph.Result{Class: graph.Retry}
				}
				return graph.Result{Class: graph.Delivered}
			})
			w.fill(setA, fmt.Sprint("r", i), 60)
			w.run()
			worlds = append(worlds, w)
		}
		pass(11*time.Minute - time.Since(begin))
		for _, w := range worlds {
			for _, c := range w.sender.seen() {
				if s := int(c.at.Sub(begin) / time.Second); s < len(perSecond) {
					perSecond[s]++
				}
			}
			w.stop()
		}
		steady := 2 * relays
		if m := slices.Max(perSecond[590:]); m > 2*steady {
			t.Errorf("%d requests in a second, steady are %d", m, steady)
		}
		t.Logf("after recovery, requests a second: %v", perSecond[598:660])
	})
}

// A server that throttles above 60 requests in a rolling hour never has to:
// from 80 % on the lane slows down by itself.
func TestUsageSlowsDown(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for _, tt := range []struct {
		name   string
		budget int
		window time.Duration
		rate   float64
	}{
		{"60 an hour", 60, time.Hour, 2},
		{"20 in five minutes", 20, 5 * time.Minute, 2},
		{"1000 an hour", 1000, time.Hour, 5},
		{"100 a minute", 100, time.Minute, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.opts.Settings.RequestsPerSecond, w.opts.Settings.MaxEvents = tt.rate, 1
				w.fill(setA, "a", 4000)
				var recent []time.Time
				throttled := 0
				w.sender.set(func(n int, c call) graph.Result {
					now := time.Now()
					recent = slices.DeleteFunc(recent, func(t time.Time) bool { return now.Sub(t) > tt.window })
					if len(recent) >= tt.budget {
						throttled++
						return graph.Result{Class: graph.Throttle, Code: 80004, RetryAfter: time.Minute, Usage: 100}
					}
					recent = append(recent, now)
					return graph.Result{Class: graph.Delivered, Usage: 100 * float64(len(recent)) / float64(tt.budget)}
				})
				w.run()
				defer func() { w.stop() }()
				pass(3 * tt.window)
				n := len(w.sender.accepted())
				t.Logf("%d delivered in three windows of %d, throttled %d times", n, tt.budget, throttled)
				if throttled > 0 {
					t.Errorf("throttled %d times", throttled)
				}
				want := tt.budget / 2
				if tt.window == time.Hour { // what Meta documents
					want = tt.budget * 2
				}
				if n < want {
					t.Errorf("only %d delivered in three windows of %d", n, tt.budget)
				}
			})
		})
	}
}
