package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

func TestDelivers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "a", 2500)
		want = append(want, w.fill(setB, "b", 3)...)
		w.log.add(setA, "skipped", fakeEvent{Skip: mapper.ReasonNoConsent})
		w.log.add(setA, "held", fakeEvent{Hold: mapper.ReasonMissingCurrency})
		w.log.add(setA, "both", fakeEvent{Lists: []string{rules.ListEvents, rules.ListLead}})
		want = append(want, "both/events", "both/lead")
		var receipts int
		w.opts.Delivered = func(d Delivery) { receipts += len(d.Items) }
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.exactlyOnce(want...)
		w.wantCounts(setA, map[string]int64{"delivered": 2502, "skip:no_consent": 1, "dead:missing_currency": 1})
		w.wantCounts(setB, map[string]int64{"delivered": 3})
		if n := len(w.sender.seen()); n != 4 {
			t.Errorf("%d requests, want 3 for 2,502 conversions and 1", n)
		}
		if receipts != len(want) {
			t.Errorf("%d receipts, want %d", receipts, len(want))
		}
		w.wantState(setA, Idle)
		d := w.log.letters()
		if len(d) != 1 || d[0].MessageID != "held" || d[0].EventSet != setA || d[0].Event != "Order Completed" || d[0].List != rules.ListEvents ||
			d[0].MappingHash != "m1" || len(d[0].Body) == 0 || d[0].ReceivedAt.IsZero() || d[0].DeadAt.IsZero() {
			t.Errorf("dead letters: %+v", d)
		}
		if w.logs.count("first_upload") != 2 {
			t.Errorf("first uploads announced %d times, want once a set", w.logs.count("first_upload"))
		}
		if l := w.lane(setA); l.LastSuccess.IsZero() || l.LastAttempt.IsZero() || l.InFlight != 0 || l.InDoubt {
			t.Errorf("status %+v", l)
		}
		w.wantPending(setA, 0)
	})
}

func TestWaitsForFullerBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.MaxWait = 2 * time.Second
		w.run()
		defer func() { w.stop() }()
		for i := range 10 {
			w.log.add(setA, fmt.Sprint("e", i), fakeEvent{})
			pass(100 * time.Millisecond)
		}
		if n := len(w.sender.seen()); n != 0 {
			t.Fatalf("%d requests before max_wait", n)
		}
		pass(1200 * time.Millisecond)
		if c := w.sender.seen(); len(c) != 1 || len(c[0].ids) != 10 {
			t.Fatalf("want one request of 10, got %d requests", len(c))
		}
		// A full batch does not wait.
		w.fill(setA, "x", 1000)
		pass(200 * time.Millisecond)
		if c := w.sender.seen(); len(c) != 2 || len(c[1].ids) != 1000 {
			t.Fatalf("want a second request of 1,000 at once, got %d requests", len(c))
		}
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		now := time.Now()
		for i := range 3 {
			w.log.add(setA, fmt.Sprint("young", i), fakeEvent{})
			w.log.add(setA, fmt.Sprint("old", i), fakeEvent{Time: now.Add(-time.Duration(8+i) * 24 * time.Hour)})
			w.log.add(setA, fmt.Sprint("edge", i), fakeEvent{Time: now.Add(-7 * 24 * time.Hour)})
			w.log.add(setA, fmt.Sprint("tag", i), fakeEvent{Tag: "x"})
		}
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		got := map[string]int{}
		for _, c := range w.sender.seen() {
			kinds := map[string]bool{}
			for _, id := range c.ids {
				switch {
				case id[:3] == "old":
					kinds["old"] = true
				case id[:3] == "tag":
					kinds["tag"] = true
				default:
					kinds["young"] = true
				}
			}
			if len(kinds) != 1 {
				t.Errorf("one request mixes %v", kinds)
			}
			for k := range kinds {
				got[k]++
			}
		}
		if got["old"] != 1 || got["young"] != 1 || got["tag"] != 1 {
			t.Errorf("requests by kind: %v", got)
		}
		w.wantCounts(setA, map[string]int64{"delivered": 12})
	})
}

func TestRequestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		api       meta.API
		maxEvents int
		maxBytes  int64
		want      []int
	}{
		{meta.Conversions, 1000, 4 << 20, []int{1000, 1000, 500}},
		{meta.Conversions, 2000, 4 << 20, []int{1000, 1000, 500}}, // docs/meta.md 5.1
		{meta.Offline, 2000, 4 << 20, []int{2000, 500}},
		{meta.Conversions, 100, 4 << 20, nil}, // 25 of 100
		{meta.Conversions, 1000, 10_000, nil}, // by bytes
	} {
		t.Run(fmt.Sprint(tt.api, tt.maxEvents, tt.maxBytes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.mapping.api = tt.api
				w.opts.Settings.MaxEvents, w.opts.Settings.MaxBytes = tt.maxEvents, tt.maxBytes
				want := w.fill(setA, "e", 2500)
				w.run()
				defer func() { w.stop() }()
				pass(10 * time.Second)
				w.exactlyOnce(want...)
				for i, c := range w.sender.seen() {
					if len(c.ids) > tt.maxEvents || int64(len(c.data())) > tt.maxBytes {
						t.Errorf("request %d has %d events and %d bytes", i, len(c.ids), len(c.data()))
					}
					if tt.want != nil && (i >= len(tt.want) || len(c.ids) != tt.want[i]) {
						t.Errorf("request %d has %d events, want %v", i, len(c.ids), tt.want)
					}
				}
			})
		})
	}
}

// Each class of answer, and what the lane does about it.
func TestClasses(t *testing.T) {
	t.Parallel()
	result := func(c graph.Class, status, code, sub int) graph.Result {
		return graph.Result{Class: c, HTTPStatus: status, Code: code, Subcode: sub, Message: "words of Meta", FBTraceID: "trace"}
	}
	tests := []struct {
		name   string
		first  graph.Result
		state  State         // right after the first answer
		again  time.Duration // by then it has tried again by itself
		before time.Duration // and not before
		same   bool          // with the same data although the mapping changed
		other  bool          // the other event set goes on
		code   string        // log
	}{
		{"retry answered", result(graph.Retry, 500, 2, 0), WaitingRetry, time.Second, 100 * time.Millisecond, true, true, "retrying"},
		{"retry unsent", graph.Result{Class: graph.Retry, Failure: graph.FailureDNS, Message: "no such host"}, WaitingRetry, time.Second, 100 * time.Millisecond, false, true, "retrying"},
		{"doubt", result(graph.Doubt, 0, 0, 0), WaitingRetry, time.Second, 100 * time.Millisecond, true, true, "retrying"},
		{"throttle told", graph.Result{Class: graph.Throttle, HTTPStatus: 400, Code: 80004, RetryAfter: 5 * time.Minute}, Throttled, 6 * time.Minute, 5 * time.Minute, false, true, "throttled"},
		{"throttle untold", result(graph.Throttle, 400, 4, 0), Throttled, 40 * time.Second, 30 * time.Second, false, true, "throttled"},
		{"throttle absurd", graph.Result{Class: graph.Throttle, HTTPStatus: 400, Code: 4, RetryAfter: 70 * 365 * 24 * time.Hour}, Throttled, 3 * time.Hour, 2 * time.Hour, false, true, "throttled"},
		{"blocked", result(graph.Throttle, 400, 368, 0), Throttled, 11 * time.Minute, 10 * time.Minute, false, true, "throttled"},
		{"token", result(graph.TokenPause, 401, 190, 463), PausedToken, 11 * time.Minute, 9 * time.Minute, false, false, "token_paused"},
		{"permission", result(graph.PermPause, 403, 200, 0), PausedPermission, 11 * time.Minute, 9 * time.Minute, true, true, "permission_paused"},
		{"config", result(graph.ConfigPause, 400, 100, 33), PausedConfig, 11 * time.Minute, 9 * time.Minute, true, true, "config_paused"},
		{"not applicable", result(graph.NotApplicable, 400, 506, 0), PausedConfig, 11 * time.Minute, 9 * time.Minute, true, true, "config_paused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sender.set(func(n int, c call) graph.Result {
					if n == 1 {
						return tt.first
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 200}
				})
				w.log.add(setA, "one", fakeEvent{})
				w.log.add(setA, "two", fakeEvent{})
				w.run()
				defer func() { w.stop() }()
				pass(time.Millisecond)
				w.wantState(setA, tt.state)
				if w.logs.count(tt.code) != 1 {
					t.Errorf("logged %v, want %s once", w.logs.codes, tt.code)
				}
				if attr := " failure=" + tt.first.Failure.String() + " "; strings.Contains(w.logs.text.String(), attr) != (tt.first.Failure != graph.NoFailure) {
					t.Errorf("logged %q, want %q", w.logs.text.String(), attr)
				}
				l := w.lane(setA)
				if l.LastError == nil || l.LastError.Class != tt.first.Class.String() || l.LastError.Code != tt.first.Code || l.LastError.Failure != tt.first.Failure.String() || l.LastError.Advice != advice.For(tt.first).String() || l.NextAttempt.IsZero() {
					t.Errorf("status does not say it: %+v", l)
				}
				// Another event set is not held back, unless the token is dead.
				w.log.add(setB, "other", fakeEvent{})
				pass(5 * time.Millisecond)
				if got := w.sender.accepted()["other/events"] == 1; got != tt.other {
					t.Errorf("other event set delivered: %v, want %v", got, tt.other)
				}
				if s := tt.state; s == WaitingRetry || s == Throttled || s == PausedToken {
					w.mu.Lock()
					w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
					w.mu.Unlock()
				} // a new mapping ends the other pauses: TestPausesEndOnWake
				n := len(w.sender.seen())
				pass(tt.before - 10*time.Millisecond)
				if got := len(w.sender.seen()); got != n {
					t.Fatalf("tried again before %s", tt.before)
				}
				pass(tt.again - tt.before)
				w.wantState(setA, Idle)
				var of []call
				for _, c := range w.sender.seen() {
					if c.set == setA {
						of = append(of, c)
					}
				}
				if len(of) != 2 {
					t.Fatalf("%d requests, want 2", len(of))
				}
				if same := of[0].data() == of[1].data(); same != tt.same {
					t.Errorf("identical data on the second attempt: %v, want %v", same, tt.same)
				}
				w.wantCounts(setA, map[string]int64{"delivered": 2})
				if len(w.log.letters()) != 0 {
					t.Errorf("dead letters: %+v", w.log.letters())
				}
			})
		})
	}
}

func TestPausesEndOnWake(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		class  graph.Class
		reason Reason
	}{
		{graph.TokenPause, Reload},
		{graph.TokenPause, NewMapping},
		{graph.PermPause, Reload},
		{graph.PermPause, NewToken},
		{graph.ConfigPause, NewMapping},
		{graph.ConfigPause, Reload},
	} {
		t.Run(fmt.Sprint(tt.class, tt.reason), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sender.set(func(n int, c call) graph.Result {
					if n == 1 {
						return graph.Result{Class: tt.class, HTTPStatus: 400, Code: 200}
					}
					return graph.Result{Class: graph.Delivered}
				})
				w.log.add(setA, "one", fakeEvent{})
				w.run()
				defer func() { w.stop() }()
				pass(time.Minute)
				if n := len(w.sender.seen()); n != 1 {
					t.Fatalf("%d requests while paused", n)
				}
				w.s.Wake(tt.reason)
				pass(time.Second)
				w.wantState(setA, Idle)
				w.exactlyOnce("one/events")
			})
		})
	}
}

// A dead token: one request a probe interval for all event sets together, and
// a new one resumes all.
func TestTokenPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dead := func(n int, c call) graph.Result {
			return graph.Result{Class: graph.TokenPause, HTTPStatus: 401, Code: 190}
		}
		w.sender.set(dead)
		want := append(w.fill(setA, "a", 5), w.fill(setB, "b", 5)...)
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.wantState(setA, PausedToken)
		w.wantState(setB, PausedToken)
		if n := len(w.sender.seen()); n > 2 {
			t.Fatalf("%d requests with a dead token", n)
		}
		if n := w.logs.count("token_paused"); n != 1 {
			t.Errorf("said %d times", n)
		}
		before := len(w.sender.seen())
		pass(24 * time.Hour)
		if n := len(w.sender.seen()) - before; n > 145 || n < 140 {
			t.Errorf("%d probes in a day, want one in ten minutes for both sets together", n)
		}
		w.mu.Lock()
		w.token = "t2"
		w.mu.Unlock()
		w.sender.set(nil)
		w.s.Wake(NewToken)
		pass(time.Second)
		w.exactlyOnce(want...)
		w.wantState(setA, Idle)
		if n := len(w.log.letters()); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestNoTokenNoRateNoMapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.token = ""
		w.log.add(setA, "one", fakeEvent{})
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		w.wantState(setA, NoToken)
		w.mu.Lock()
		w.token = "t"
		m := w.mapping
		w.mapping = nil
		w.mu.Unlock()
		w.s.Wake(NewToken)
		pass(time.Second)
		w.wantState(setA, NoMapping)
		set := quick()
		set.RequestsPerSecond = 0
		w.s.SetSettings(set)
		w.remap(m)
		pass(time.Hour)
		w.wantState(setA, RateLimited)
		if n := len(w.sender.seen()); n != 0 {
			t.Fatalf("%d requests", n)
		}
		w.s.SetSettings(quick())
		pass(time.Second)
		w.exactlyOnce("one/events")
	})
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.token = ""
		w.opts.Settings.DryRun = true
		want := w.fill(setA, "a", 1500)
		w.log.add(setA, "held", fakeEvent{Hold: mapper.ReasonMissingValue})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		l := w.lane(setA)
		if l.State != DryRun || l.DryRun["send"] != 1500 || l.DryRun["dead:missing_value"] != 1 {
			t.Errorf("status %+v", l)
		}
		w.wantPending(setA, 1501)
		if len(w.sender.seen()) != 0 || len(w.log.letters()) != 0 {
			t.Error("a dry run sent or settled something")
		}
		w.mu.Lock()
		w.token = "t"
		w.mu.Unlock()
		w.s.SetSettings(quick())
		w.s.Wake(NewToken)
		pass(time.Second)
		w.exactlyOnce(want...)
	})
}

func TestPauseResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		defer func() { w.stop() }()
		if err := w.s.Pause("nobody"); !errors.Is(err, ErrNoLane) {
			t.Errorf("unknown lane: %v", err)
		}
		if err := w.s.Pause(setA); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		w.log.add(setA, "one", fakeEvent{})
		w.log.add(setB, "two", fakeEvent{})
		pass(time.Hour)
		w.wantState(setA, ManuallyPaused)
		w.exactlyOnce("two/events")
		w.stop()
		w.run() // it is still paused
		pass(time.Hour)
		w.wantState(setA, ManuallyPaused)
		if err := w.s.Resume(setA); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		w.exactlyOnce("one/events", "two/events")
	})
}

func TestRetired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mapping = &fakeMapping{digest: "m0", sets: []string{setB}}
		w.log.add(setA, "one", fakeEvent{})
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		w.wantState(setA, Retired)
		w.wantPending(setA, 1)
		w.remap(&fakeMapping{digest: "m1", sets: []string{setA, setB}})
		pass(time.Second)
		w.exactlyOnce("one/events")
		w.wantState(setA, Idle)
	})
}

func TestSpecialLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.token = ""
		w.log.append(queue.Record{ID: "bad", Lanes: []string{queue.LaneRefused}, Received: time.Now(), Body: []byte(`[1]`)})
		w.log.append(queue.Record{ID: "big", Lanes: []string{queue.LaneRefused}, Received: time.Now(), Flags: queue.FlagTooLarge, Body: []byte(`{"event":"X"}`)})
		w.log.append(queue.Record{ID: "used", Lanes: []string{queue.LaneConflict}, Received: time.Now(), Flags: queue.FlagIDConflict, Body: []byte(`{"type":"track","event":"X","userId":"1"}`)})
		w.log.add(queue.LaneUnmapped, "known later", fakeEvent{Event: "Till Opened"})
		w.log.add(queue.LaneUnmapped, "never known", fakeEvent{Event: "Till Closed"})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		d := w.log.letters()
		slices.SortFunc(d, func(a, b queue.DeadLetter) int { return cmp.Compare(a.Seq, b.Seq) })
		if len(d) != 3 || d[0].Reason != mapper.ReasonInvalid || d[0].Message != "not an object" || d[0].EventSet != "" || d[1].Reason != mapper.ReasonTooLarge {
			t.Errorf("dead letters %+v", d)
		}
		if d := d[len(d)-1]; d.Reason != mapper.ReasonIDConflict || d.EventSet != "" {
			t.Errorf("dead letter %+v", d)
		}
		w.wantCounts(queue.LaneConflict, map[string]int64{"dead:id_conflict": 1})
		w.wantCounts(queue.LaneRefused, map[string]int64{"dead:invalid": 1, "dead:too_large": 1})
		w.wantState(queue.LaneUnmapped, Keeping)
		w.mu.Lock()
		w.token = "t"
		w.mu.Unlock()
		w.remap(&fakeMapping{digest: "m2", sets: []string{setA}, routes: map[string][]string{"Till Opened": {setA}}})
		pass(2 * time.Second)
		w.exactlyOnce("known later/events")
		pass(23 * time.Hour)
		w.wantCounts(queue.LaneUnmapped, map[string]int64{})
		pass(2 * time.Hour)
		w.wantCounts(queue.LaneUnmapped, map[string]int64{"skip:unmapped": 1})
	})
}

func TestMapperPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.add(setA, "one", fakeEvent{})
		w.log.add(setA, "bug", fakeEvent{Panic: true})
		w.log.add(setA, "two", fakeEvent{})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.exactlyOnce("one/events", "two/events")
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "bug" || d[0].Reason != mapper.ReasonInvalid {
			t.Errorf("dead letters %+v", d)
		}
	})
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.token = ""
		w.opts.Settings.MaxAge = 48 * time.Hour
		pass(30 * 365 * 24 * time.Hour) // the bubble begins in 2000
		w.log.add(setA, "old", fakeEvent{})
		w.run()
		defer func() { w.stop() }()
		pass(49 * time.Hour)
		w.log.add(setA, "new", fakeEvent{})
		w.mu.Lock()
		w.token = "t"
		w.mu.Unlock()
		w.s.Wake(NewToken)
		pass(time.Second)
		w.exactlyOnce("new/events")
		if d := w.log.letters(); len(d) != 1 || d[0].Reason != mapper.ReasonExpired || d[0].MessageID != "old" {
			t.Errorf("dead letters %+v", d)
		}
	})
}

func TestStorageFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.fail = errors.New("read-only file system")
		want := w.fill(setA, "a", 3)
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		if n := len(w.sender.seen()); n != 0 {
			t.Fatalf("%d requests that could not be noted", n)
		}
		w.wantState(setA, Storage)
		if n := w.logs.count("settle_failed"); n > 8 || n == 0 {
			t.Errorf("said %d times in an hour", n)
		}
		w.log.mu.Lock()
		w.log.fail = nil
		w.log.mu.Unlock()
		pass(time.Minute)
		w.exactlyOnce(want...)
	})
}

func TestStorageFailsAfterDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "a", 3)
		w.sender.block = func(_ context.Context, n int) {
			w.log.mu.Lock()
			w.log.fail = errors.New("input/output error")
			w.log.mu.Unlock()
		}
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		w.exactlyOnce(want...)
		w.sender.mu.Lock()
		w.sender.block = nil
		w.sender.mu.Unlock()
		w.log.mu.Lock()
		w.log.fail = nil
		w.log.mu.Unlock()
		pass(time.Minute)
		w.log.add(setA, "more", fakeEvent{})
		pass(time.Minute)
		w.exactlyOnce(append(want, "more/events")...)
		w.wantCounts(setA, map[string]int64{"delivered": 4})
	})
}

func TestDeadLettersFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.deadRoom = 0
		w.log.add(setA, "held", fakeEvent{Hold: mapper.ReasonMissingValue})
		w.log.add(setB, "other", fakeEvent{})
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		w.wantState(setA, DeadFull)
		if w.logs.count("dead_full") == 0 {
			t.Error("not said")
		}
		w.exactlyOnce("other/events")
		w.log.mu.Lock()
		w.log.deadRoom = -1
		w.log.mu.Unlock()
		pass(time.Minute)
		w.wantState(setA, Idle)
		w.wantCounts(setA, map[string]int64{"dead:missing_value": 1})
	})
}

// A mapping that holds everything: the dead letters are settled in pieces, so
// that a store with some room takes some; no more of them lie in memory than
// that, and none is made twice over a restart in between.
func TestDeadLettersInPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.deadRoom = 1000
		const n = 4000
		for _, id := range ids("h", 0, n) {
			w.log.add(setA, id, fakeEvent{Hold: mapper.ReasonMissingValue, Pad: strings.Repeat("x", 500)})
		}
		w.log.append(queue.Record{ID: "broken", Lanes: []string{queue.LaneRefused}, Received: time.Now(), Body: []byte("{{")})
		w.run()
		pass(time.Minute)
		w.wantState(setA, DeadFull)
		if n := len(w.log.letters()); n < 700 || n > 1000 {
			t.Errorf("%d dead letters in a store that takes 1,000", n)
		}
		w.stop()
		w.log.deadRoom = 2500
		w.run()
		pass(time.Minute)
		w.wantState(setA, DeadFull)
		w.s.SetSettings(quick())
		w.log.mu.Lock()
		w.log.deadRoom = -1
		w.log.mu.Unlock()
		pass(time.Minute)
		w.wantState(setA, Idle)
		w.wantCounts(setA, map[string]int64{"dead:missing_value": n})
		seen := map[string]int{}
		for _, d := range w.log.letters() {
			seen[d.MessageID]++
		}
		for id, k := range seen {
			if k != 1 {
				t.Errorf("%s is %d dead letters", id, k)
			}
		}
		if len(seen) != n+1 {
			t.Errorf("%d dead letters", len(seen))
		}
		if w.log.deadMost > 600 {
			t.Errorf("%d dead letters in one settlement", w.log.deadMost)
		}
		w.stop()
	})
}
