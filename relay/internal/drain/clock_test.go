package drain

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/graph"
)

// A wall clock that is wrong, or jumps, expires nothing and holds nothing
// back; what Meta's Date header says counts.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		wall time.Time
	}{
		{"a year ahead", real.AddDate(1, 0, 0)},
		{"a year behind", real.AddDate(-1, 0, 0)},
		{"1970", time.Unix(0, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				start := time.Now()
				w.opts.ClockSynced = nil
				w.opts.Wall = func() time.Time { return tt.wall.Add(time.Since(start)) }
				meta := func() time.Time { return real.Add(time.Since(start)) }
				date := func(r graph.Result) graph.Result {
					r.ServerTime = meta().Truncate(time.Second)
					return r
				}
				w.sender.set(func(int, call) graph.Result { return date(graph.Result{Class: graph.Delivered, FBTraceID: "t"}) })
				w.log.add(setA, "now", fakeEvent{Time: real})
				w.log.add(setA, "yesterday", fakeEvent{Time: real.Add(-24 * time.Hour)})
				w.run()
				defer func() { w.stop() }()
				pass(time.Second)
				w.exactlyOnce("now/events", "yesterday/events")
				if s := w.metrics.skews; len(s) != 1 || (s[0]-tt.wall.Sub(real)).Abs() > 2*time.Second {
					t.Errorf("skew %s, want %s", s, tt.wall.Sub(real))
				}
				if w.logs.count("clock_skew") != 1 {
					t.Error("not said")
				}
				// From now on the age is that of Meta's clock.
				w.log.add(setA, "ancient", fakeEvent{Time: real.AddDate(0, -3, 0)})
				w.log.add(setA, "fresh", fakeEvent{Time: real})
				pass(time.Second)
				w.exactlyOnce("now/events", "yesterday/events", "fresh/events")
				if d := w.log.letters(); len(d) != 1 || d[0].Reason != mapper.ReasonExpired || d[0].MessageID != "ancient" {
					t.Errorf("dead letters %+v", d)
				}
			})
		})
	}
}

// A clock that is right has no skew, whatever part of a second the Date header
// leaves out, and relay's time never goes back behind what a lane said.
func TestRightClockHasNoSkew(t *testing.T) {
	t.Parallel()
	for _, part := range []time.Duration{0, 300 * time.Millisecond, 999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			start := time.Now()
			w.opts.Wall = func() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, int(part), time.UTC).Add(time.Since(start)) }
			w.sender.set(func(int, call) graph.Result {
				return graph.Result{Class: graph.Delivered, ServerTime: w.opts.Wall().Truncate(time.Second), Elapsed: 40 * time.Millisecond}
			})
			w.run()
			defer func() { w.stop() }()
			for i := range 5 {
				w.log.add(setA, fmt.Sprint(i), fakeEvent{Time: w.opts.Wall()})
				pass(1300 * time.Millisecond)
				l := w.lane(setA)
				if now, trusted := w.s.Now(); !trusted || now.Before(l.Since) || l.LastSuccess.IsZero() || now.Before(l.LastSuccess) || !now.Equal(w.opts.Wall()) {
					t.Errorf("%s: it is %s, trusted %v; the lane says %+v", part, now, trusted, l)
				}
			}
			if s := w.metrics.skews; len(s) != 1 || s[0] != 0 {
				t.Errorf("%s: skew %v, want 0 once", part, s)
			}
		})
	}
}

// What came in while the clock stood a year behind looks a year old once the
// clock is right; by its own time it is not, and queue.max_age spares it.
func TestReceivedByAWrongClock(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		start := time.Now()
		w.opts.Wall = func() time.Time { return real.Add(time.Since(start)) }
		w.opts.ClockSynced = func() bool { return true }
		w.opts.Settings.MaxAge = 62 * 24 * time.Hour
		yearAgo := real.AddDate(-1, 0, 0)
		w.log.append(queue.Record{ID: "sale", Lanes: []string{setA}, Received: yearAgo, Body: []byte(`{"event":"Order Completed","time":"2026-07-01T11:00:00Z"}`)})
		w.log.append(queue.Record{ID: "old", Lanes: []string{setA}, Received: yearAgo, Body: []byte(`{"event":"Order Completed"}`)})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.exactlyOnce("sale/events")
		if d := w.log.letters(); len(d) != 1 || d[0].Reason != mapper.ReasonExpired || d[0].MessageID != "old" {
			t.Errorf("dead letters %+v", d)
		}
	})
}

// Waits are monotonic and survive a clock that moved while relay was off.
func TestWaitAcrossClockChange(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{-10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			off := time.Duration(0)
			w.opts.ClockSynced = nil
			w.opts.Wall = func() time.Time { return time.Now().Add(off) }
			w.fill(setA, "e", 1)
			w.sender.set(func(n int, c call) graph.Result {
				if n == 1 {
					return graph.Result{Class: graph.Throttle, RetryAfter: time.Hour}
				}
				return graph.Result{Class: graph.Delivered}
			})
			w.run()
			pass(time.Second)
			w.stop()
			off = jump
			w.run()
			defer func() { w.stop() }()
			pass(2 * time.Hour)
			w.exactlyOnce("e0000/events")
		})
	}
}

// What came before anybody had set the clock is dated by what is known of it since,
// and nothing escapes the rules about age while the time is not known: Meta is asked
// first.
func TestTimeIsAskedFirst(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		start := time.Now()
		var off atomic.Int64
		w.opts.ClockSynced = nil
		w.opts.Wall = func() time.Time { return time.Unix(0, 0).UTC().Add(time.Since(start) + time.Duration(off.Load())) }
		var asked atomic.Int64
		var up atomic.Bool
		w.opts.Notes = fakeNotes{}
		w.opts.Ask = func(context.Context) graph.Result {
			if asked.Add(1); !up.Load() {
				return graph.Result{Class: graph.Retry, Message: "the network is unreachable"}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 400, ServerTime: real.Add(time.Since(start)).Truncate(time.Second)}
		}
		w.log.add(setA, "ancient", fakeEvent{Time: real.AddDate(0, -3, 0)})
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Minute)
		w.receive("undated")
		came := real.Add(time.Since(start))
		pass(10 * time.Minute)
		if len(w.sender.seen()) != 0 || asked.Load() == 0 {
			t.Fatalf("%d requests before anybody told the time, asked %d times", len(w.sender.seen()), asked.Load())
		}
		w.wantState(setA, WaitingRetry)
		up.Store(true)
		off.Store(int64(real.Sub(time.Unix(0, 0)))) // NTP sets the clock, too
		pass(10 * time.Minute)
		w.exactlyOnce("undated/events")
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "ancient" || d[0].Reason != mapper.ReasonExpired {
			t.Errorf("letters %+v", d)
		}
		var got struct{ Time int64 }
		if err := json.Unmarshal(w.sender.seen()[0].req.Data[0], &got); err != nil || time.Unix(got.Time, 0).Sub(came).Abs() > 2*time.Second {
			t.Errorf("dated %s, want %s (%v)", time.Unix(got.Time, 0).UTC(), came, err)
		}
	})
}

// What came before anybody had set the clock is dated by the next process too, as long
// as the machine was not started again; what came before that start is not.
func TestUnsetClockAcrossRestart(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, again := range map[string]bool{"same boot": false, "another boot": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				start := time.Now()
				notes := fakeNotes{}
				boot, off := "boot 1", time.Duration(0)
				wall := func() time.Time { return time.Unix(0, 0).UTC().Add(time.Since(start) + off) }
				w.opts.Wall = wall
				w.opts.Notes = notes
				w.opts.ClockSynced = nil
				w.opts.Boot = func() (string, func() time.Duration) {
					began := start
					return boot, func() time.Duration { return time.Since(began) + time.Minute }
				}
				synced := false
				w.opts.Ask = func(context.Context) graph.Result {
					if !synced {
						return graph.Result{Class: graph.Retry}
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 400, ServerTime: real.Add(time.Since(start)).Truncate(time.Second)}
				}
				w.run()
				pass(10 * time.Minute)
				w.receive("undated")
				came := real.Add(time.Since(start))
				pass(time.Minute)
				w.stop()
				off = real.Sub(time.Unix(0, 0)) // NTP sets the clock, and relay is started again
				if again {
					boot, off = "boot 2", 0 // or the machine, and it is 1970 again
				}
				synced = true
				w.run()
				defer func() { w.stop() }()
				pass(10 * time.Minute)
				var got struct{ Time int64 }
				seen := w.sender.seen()
				if again {
					if len(seen) != 0 || len(w.log.letters()) != 1 {
						t.Errorf("%d requests, %d letters", len(seen), len(w.log.letters()))
					}
					return
				}
				if len(seen) != 1 || json.Unmarshal(seen[0].req.Data[0], &got) != nil {
					t.Fatalf("%d requests", len(seen))
				}
				if d := time.Unix(got.Time, 0).Sub(came).Abs(); d > 2*time.Second {
					t.Errorf("dated %s, it came at %s", time.Unix(got.Time, 0).UTC(), came)
				}
			})
		})
	}
}

// The clock of a till can be off by any amount when nobody sets it. Events that are received before
// anybody told relay the time are dated as if the clock had been right, however it changes meanwhile,
// and none expires for the clock's sake.
func TestWrongClockBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		off, later time.Duration // of the clock, before and after it is changed by hand
		synced     bool          // by NTP at the end, before the first answer
	}{
		{"three hours behind", -3 * time.Hour, -3 * time.Hour, false},
		{"three hours ahead", 3 * time.Hour, 3 * time.Hour, false},
		{"a year behind", -365 * 24 * time.Hour, -365 * 24 * time.Hour, false},
		{"a year ahead", 365 * 24 * time.Hour, 365 * 24 * time.Hour, false},
		{"1970", time.Unix(0, 0).Sub(real), time.Unix(0, 0).Sub(real), false},
		{"1970, then set to a wrong day", time.Unix(0, 0).Sub(real), -90 * 24 * time.Hour, false},
		{"wrong, then right", -90 * 24 * time.Hour, 0, false},
		{"wrong, then NTP", -90 * 24 * time.Hour, 0, true},
		{"right", 0, 0, false},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, ", restart ", restart), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					start := time.Now()
					var off atomic.Int64
					var synced, reachable atomic.Bool
					off.Store(int64(c.off))
					w.opts.Wall = func() time.Time { return real.Add(time.Since(start) + time.Duration(off.Load())) }
					w.opts.ClockSynced = func() bool { return synced.Load() }
					w.opts.Notes = fakeNotes{}
					w.opts.Settings.MaxAge = 62 * 24 * time.Hour
					w.opts.Boot = func() (string, func() time.Duration) {
						return "boot", func() time.Duration { return time.Since(start) }
					}
					w.opts.Ask = func(context.Context) graph.Result {
						if !reachable.Load() {
							return graph.Result{Class: graph.Retry}
						}
						return graph.Result{Class: graph.Delivered, HTTPStatus: 400, ServerTime: real.Add(time.Since(start)).Truncate(time.Second)}
					}
					came := map[string]time.Time{}
					sell := func(id string) {
						w.receive(id)
						came[id] = real.Add(time.Since(start))
						pass(10 * time.Minute)
					}
					w.run()
					sell("first")
					sell("second")
					if restart {
						w.stop()
					}
					off.Store(int64(c.later))
					if restart {
						w.run()
					}
					defer func() { w.stop() }()
					sell("third")
					synced.Store(c.synced)
					reachable.Store(true)
					pass(10 * time.Minute)
					sell("fourth")
					pass(time.Hour)
					w.exactlyOnce("first/events", "second/events", "third/events", "fourth/events")
					if d := w.log.letters(); len(d) > 0 {
						t.Errorf("dead letters %+v", d)
					}
					for _, call := range w.sender.seen() {
						for _, raw := range call.req.Data {
							var got struct {
								ID   string `json:"event_id"`
								Time int64
							}
							if err := json.Unmarshal(raw, &got); err != nil {
								t.Fatal(err)
							}
							if d := time.Unix(got.Time, 0).Sub(came[got.ID]); d.Abs() > 2*time.Second {
								t.Errorf("%s: dated %s too late", got.ID, d)
							}
						}
					}
				})
			})
		}
	}
}

// A store forwards no event with a wrong time of receipt because its hub has just started: it
// waits until the hub is ready and knows the time. A store whose clock was changed by hand asks
// again.
func TestHubTimeIsAskedFirst(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time { return real.Add(time.Since(start)) }
		received := map[string]time.Time{}
		var w *world
		w, _ = edge(t, func(_ int, recs []queue.Record) graph.Result {
			for i := range recs {
				received[recs[i].ID] = w.s.Received(&recs[i])
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, ServerTime: now()}
		})
		var off atomic.Int64
		off.Store(int64(-365 * 24 * time.Hour))
		w.opts.Wall = func() time.Time { return now().Add(time.Duration(off.Load())) }
		w.opts.ClockSynced, w.opts.Notes = nil, fakeNotes{}
		var ready, knows atomic.Bool
		w.opts.Ask = func(context.Context) graph.Result {
			switch {
			case !ready.Load():
				return graph.Result{Class: graph.Retry, HTTPStatus: 503}
			case !knows.Load():
				return graph.Result{Class: graph.Delivered, HTTPStatus: 200, HubClock: now()}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, ServerTime: now()}
		}
		w.run()
		defer func() { w.stop() }()
		came := map[string]time.Time{}
		sell := func(id string) {
			w.receiveIn(queue.LaneForward, id)
			came[id] = now()
		}
		sell("first")
		pass(time.Minute)
		if p := w.lane(queue.LaneForward).LastError; p == nil || p.HTTPStatus != 503 {
			t.Errorf("while the hub starts: %+v", p)
		}
		ready.Store(true)
		pass(time.Minute)
		w.wantState(queue.LaneForward, WaitingRetry)
		sell("second")
		pass(time.Minute)
		if len(received) > 0 {
			t.Errorf("forwarded before the hub knew the time: %v", received)
		}
		knows.Store(true)
		pass(time.Minute)
		sell("third")
		pass(time.Minute)
		off.Store(int64(3 * time.Hour))
		sell("fourth")
		pass(time.Minute)
		for id, at := range came {
			if got := received[id]; got.Sub(at).Abs() > 2*time.Second {
				t.Errorf("%s: dated %s, want %s", id, got, at)
			}
		}
	})
}

// A hub that never knows the time delays events only if its clock differs from the store's, or
// if neither can be right, and not for ever.
func TestHubWithoutTime(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		store, hub time.Time
		waits      bool
	}{
		"the clocks agree":   {day, day.Add(time.Minute), false},
		"the clocks differ":  {day, day.Add(time.Hour), true},
		"both start in 1970": {time.Unix(0, 0).UTC(), time.Unix(60, 0).UTC(), true},
		"no Date header":     {day, time.Time{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w, h := edge(t, nil)
				w.opts.Wall, w.opts.ClockSynced = func() time.Time { return c.store.Add(time.Since(start)) }, nil
				w.opts.Ask = func(context.Context) graph.Result {
					r := graph.Result{Class: graph.Delivered, HTTPStatus: 200}
					if !c.hub.IsZero() {
						r.HubClock = c.hub.Add(time.Since(start))
					}
					return r
				}
				w.run()
				defer func() { w.stop() }()
				w.receiveIn(queue.LaneForward, "sale")
				pass(hubTimePatience - time.Second)
				if chunks, _ := h.sent(); (len(chunks) == 0) != c.waits {
					t.Errorf("forwarded %v", chunks)
				}
				pass(time.Minute)
				if chunks, _ := h.sent(); len(chunks) != 1 {
					t.Errorf("forwarded %v", chunks)
				}
			})
		})
	}
}

// machine is a till whose clocks a test moves.
type machine struct {
	start  time.Time
	off    atomic.Int64 // error of the wall clock
	slept  atomic.Int64 // suspended: the monotonic clock stood still, the time since boot did not
	paused atomic.Int64 // paused by its host: all its clocks stood still
	synced atomic.Bool
	silent atomic.Bool // Meta is not reachable
	noDate atomic.Bool // Meta's answers have no Date header
}

var machineStart = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func (m *machine) up() time.Duration { return time.Since(m.start) + time.Duration(m.slept.Load()) }

func (m *machine) truth() time.Time { return machineStart.Add(m.up() + time.Duration(m.paused.Load())) }

func (m *machine) wall() time.Time      { return machineStart.Add(m.up() + time.Duration(m.off.Load())) }
func (m *machine) step(d time.Duration) { m.off.Add(int64(d)) }

func (m *machine) answer() graph.Result {
	r := graph.Result{Class: graph.Delivered, HTTPStatus: 200, FBTraceID: "t"}
	if m.silent.Load() {
		return graph.Result{Class: graph.Retry, Message: "the network is unreachable"}
	}
	if !m.noDate.Load() {
		r.ServerTime = m.truth().Truncate(time.Second)
	}
	return r
}

// A relay that was told the time goes on knowing it, whatever happens to the wall clock: the sales
// that are received from then on have the right time, whether or not Meta can be reached.
func TestClockStepped(t *testing.T) {
	t.Parallel()
	const (
		day    = 24 * time.Hour
		paused = "paused, then set by its host"
	)
	for _, c := range []struct {
		name   string
		happen func(m *machine, sell func())
		off    time.Duration // tolerated
	}{
		{"25 hours ahead", func(m *machine, sell func()) { m.step(25 * time.Hour); sell() }, 0},
		{"25 hours back", func(m *machine, sell func()) { m.step(-25 * time.Hour); sell() }, 0},
		{"400 days ahead", func(m *machine, sell func()) { m.step(400 * day); sell() }, 0},
		{"400 days back", func(m *machine, sell func()) { m.step(-400 * day); sell() }, 0},
		{"1970", func(m *machine, sell func()) { m.step(-56 * 365 * day); sell() }, 0},
		{"ahead, then right", func(m *machine, sell func()) { m.step(25 * time.Hour); sell(); m.step(-25 * time.Hour); sell() }, 0},
		{"ahead and back unseen", func(m *machine, sell func()) {
			m.step(25 * time.Hour)
			pass(time.Hour)
			m.step(-25 * time.Hour)
			sell()
		}, 0},
		{"ahead while nothing arrives", func(m *machine, sell func()) { m.step(25 * time.Hour); pass(100 * time.Hour); sell() }, 0},
		{"ahead, then back too far", func(m *machine, sell func()) { m.step(25 * time.Hour); sell(); m.step(-50 * time.Hour); sell() }, 0},
		{"by small steps", func(m *machine, sell func()) {
			for range 100 {
				m.step(2 * time.Minute)
				sell()
			}
		}, 5 * time.Minute},
		{"suspended", func(m *machine, sell func()) { m.slept.Add(int64(8 * time.Hour)); sell() }, 0},
		{"suspended twice", func(m *machine, sell func()) {
			for range 2 {
				m.slept.Add(int64(40 * time.Second))
				sell()
			}
		}, time.Minute},
		{"suspended, then 25 hours ahead", func(m *machine, sell func()) {
			m.slept.Add(int64(8 * time.Hour))
			m.step(25 * time.Hour)
			sell()
			m.slept.Add(int64(8 * time.Hour))
			sell()
		}, 0},
		{paused, func(m *machine, sell func()) {
			m.paused.Add(int64(8 * time.Hour))
			m.step(8 * time.Hour)
			sell()
		}, 0},
		{"stepped again and again", func(m *machine, sell func()) {
			for range 100 {
				m.step(25 * time.Hour)
				sell()
			}
		}, 0},
		{"set by hand, then by NTP", func(m *machine, sell func()) {
			m.step(25 * time.Hour)
			sell()
			m.step(-25 * time.Hour)
			m.synced.Store(true)
			sell()
			m.synced.Store(false)
			sell()
		}, 0},
	} {
		for _, at := range []struct {
			name    string
			before  func(m *machine)
			after   func(m *machine, w *world)
			blind   bool // to what only the next answer tells
			noNotes bool // the queue is shared, so periods are not recorded
		}{
			{name: "Meta answers"},
			{name: "Meta is unreachable for a time", before: func(m *machine) { m.silent.Store(true) }, after: func(m *machine, _ *world) { m.silent.Store(false) }},
			{name: "answers without a date", before: func(m *machine) { m.noDate.Store(true) }, blind: true},
			{name: "on a NATS server", noNotes: true, blind: true},
			{
				name: "unreachable, and a restart", before: func(m *machine) { m.silent.Store(true) },
				after: func(m *machine, w *world) { w.stop(); w.run(); m.silent.Store(false) },
			},
		} {
			if at.blind && c.name == paused {
				continue
			}
			t.Run(c.name+", "+at.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					m := &machine{start: time.Now()}
					notes := fakeNotes{}
					w.opts.Wall, w.opts.ClockSynced, w.opts.Notes = m.wall, m.synced.Load, notes
					w.opts.Boot = func() (string, func() time.Duration) { return "boot", m.up }
					w.opts.Settings.MaxAge = 62 * day
					w.opts.Ask = func(context.Context) graph.Result { return m.answer() }
					w.sender.set(func(int, call) graph.Result { return m.answer() })
					if at.noNotes {
						w.opts.Notes = nil
					}
					came, all := map[string]time.Time{}, []string{}
					sell := func() {
						id := fmt.Sprintf("sale%d", len(came))
						came[id], all = m.truth(), append(all, id+"/events")
						w.receive(id)
						pass(5 * time.Second)
					}
					w.run()
					defer func() { w.stop() }()
					sell()
					if at.before != nil {
						at.before(m)
					}
					c.happen(m, sell)
					if at.after != nil {
						at.after(m, w)
					}
					pass(2 * time.Hour)
					sell()
					pass(time.Hour)
					w.exactlyOnce(all...)
					if d := w.log.letters(); len(d) > 0 {
						t.Errorf("dead letters %+v", d)
					}
					for _, call := range w.sender.seen() {
						for _, raw := range call.req.Data {
							var got struct {
								ID   string `json:"event_id"`
								Time int64
							}
							if err := json.Unmarshal(raw, &got); err != nil {
								t.Fatal(err)
							}
							if d := time.Unix(got.Time, 0).Sub(came[got.ID]); d.Abs() > 2*time.Second+c.off {
								t.Errorf("%s: dated %s too late", got.ID, d)
							}
						}
					}
					var periods []struct{ N int }
					if b := notes["clock"]; b != nil {
						if err := json.Unmarshal(b, &periods); err != nil {
							t.Fatal(err)
						}
					}
					if at.after != nil && len(periods) > 2 { // one was before the first answer
						t.Errorf("%d periods for one time without an answer", len(periods))
					}
				})
			})
		}
	}
}

type fakeNotes map[string][]byte

func (n fakeNotes) Note(key string) []byte { return n[key] }

func (n fakeNotes) SetNote(key string, val []byte) error {
	n[key] = val
	return nil
}
