package drain

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/drain/ledger"
	"relay/relay/internal/graph"
)

// An answer that never came, then a restart, then another mapping: the same
// bytes are sent again, once.
func TestDoubtOverRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		now := time.Now()
		for i := range 20 {
			w.log.add(setA, fmt.Sprint("young", i), fakeEvent{Lists: []string{rules.ListEvents, rules.ListLead}})
			w.log.add(setA, fmt.Sprint("old", i), fakeEvent{Time: now.Add(-7*24*time.Hour - time.Hour)})
		}
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt} })
		w.run()
		pass(10 * time.Millisecond)
		first := w.sender.seen()
		crash(w)

		w.sender.set(nil)
		w.mu.Lock()
		w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
		w.mu.Unlock()
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		calls := w.sender.seen()
		if len(first) != 1 || len(calls) < 2 || calls[1].data() != first[0].data() {
			t.Fatalf("the request in doubt was not sent again as it was (%d, %d calls)", len(first), len(calls))
		}
		if w.metrics.resends != 1 || w.metrics.mismatch != 0 || w.logs.count("doubt_rebuilt") != 1 {
			t.Errorf("resends %d, mismatches %d", w.metrics.resends, w.metrics.mismatch)
		}
		w.wantCounts(setA, map[string]int64{"delivered": 60})
		for _, n := range w.sender.accepted() {
			if n != 1 {
				t.Fatal("accepted twice")
			}
		}
		// What was not in doubt goes by the new mapping.
		for _, c := range calls[2:] {
			if c.data() == "" || !strings.Contains(c.data(), `"by":"m2"`) {
				t.Error("the rest was not mapped anew")
			}
		}
	})
}

// The mapping is gone: it is said and counted, and the events go out.
func TestDoubtWithoutMapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt} })
		w.run()
		pass(10 * time.Millisecond)
		crash(w)
		w.kept = nil
		w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
		w.sender.set(nil)
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		if w.metrics.mismatch != 1 || w.logs.count("rebuild_mismatch") != 1 {
			t.Errorf("%d mismatches counted", w.metrics.mismatch)
		}
		w.wantCounts(setA, map[string]int64{"delivered": 5})
	})
}

// relay was upgraded while a request was in doubt, and writes conversions otherwise
// now: it is said why.
func TestDoubtAfterUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt} })
		w.run()
		pass(10 * time.Millisecond)
		crash(w)
		stored := w.log.lanes[setA]
		d, err := ledger.Decode(stored.State)
		if err != nil || len(d.Notes) != 1 || d.Notes[0].Encoding != mapper.Encoding {
			t.Fatalf("%v: %+v", err, d.Notes)
		}
		d.Notes[0].Encoding--
		stored.State = d.Encode()
		w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
		w.kept["m1"] = w.mapping // what the mapping of then makes today
		w.sender.set(nil)
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		if w.metrics.mismatch != 1 || !strings.Contains(w.logs.text.String(), "relay was upgraded") {
			t.Errorf("%d mismatches counted: %s", w.metrics.mismatch, w.logs.text.String())
		}
		w.wantCounts(setA, map[string]int64{"delivered": 5})
	})
}

// The records of the request in doubt are not all there any more: the others go as
// they were.
func TestDoubtWithoutRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt} })
		w.run()
		pass(10 * time.Millisecond)
		crash(w)
		w.log.forget(2)
		w.sender.set(nil)
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		calls := w.sender.seen()
		first, again := calls[0].req.Data, calls[len(calls)-1].req.Data
		if want := slices.Delete(slices.Clone(first), 2, 3); !slices.EqualFunc(again, want, bytes.Equal) {
			t.Errorf("%s was sent, and then %s", first, again)
		}
		if w.metrics.mismatch != 0 || w.metrics.resends == 0 {
			t.Errorf("%d mismatches and %d resends counted", w.metrics.mismatch, w.metrics.resends)
		}
		w.wantCounts(setA, map[string]int64{"delivered": 4})
	})
}

// Doubt is kept through a throttle, a token pause and a new mapping: none of
// them says what became of the first attempt.
func TestDoubtOutlivesOtherAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		answers := []graph.Class{graph.Doubt, graph.Throttle, graph.TokenPause, graph.PermPause, graph.Retry, graph.Delivered}
		w.sender.set(func(n int, c call) graph.Result { return graph.Result{Class: answers[n-1]} })
		w.run()
		defer func() { w.stop() }()
		for range 4 {
			pass(15 * time.Minute)
			w.mu.Lock()
			w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
			w.mu.Unlock()
			if !w.lane(setA).InDoubt && len(w.sender.seen()) < len(answers) {
				t.Error("doubt was forgotten")
			}
		}
		w.s.Wake(Reload)
		pass(time.Hour)
		calls := w.sender.seen()
		if len(calls) != len(answers) {
			t.Fatalf("%d requests", len(calls))
		}
		for _, c := range calls {
			if c.data() != calls[0].data() {
				t.Error("a retry differs")
			}
		}
	})
}

// A stop while a request is on its way: it may finish within the grace time.
func TestStopInFlight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		takes     time.Duration
		delivered bool
	}{{"finishes", 3 * time.Second, true}, {"does not", time.Hour, false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(setA, "e", 5)
				w.sender.block = func(ctx context.Context, _ int) {
					select {
					case <-time.After(tt.takes):
					case <-ctx.Done():
					}
				}
				w.run()
				pass(time.Second)
				w.wantState(setA, Sending)
				if l := w.lane(setA); l.InFlight != 5 {
					t.Errorf("in flight %d", l.InFlight)
				}
				began := time.Now()
				w.stop()
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("stopping took %s", d)
				}
				st, _ := w.log.Lane(setA)
				if got := st.Counts["delivered"] == 5; got != tt.delivered {
					t.Errorf("delivered: %v", st.Counts)
				}
				d, err := ledger.Decode(st.State)
				if err != nil || d.Failures != 0 || !d.Next.IsZero() {
					t.Errorf("the stop was counted as a failure: %+v %v", d, err)
				}
				if !tt.delivered && len(d.Notes) == 0 {
					t.Error("the request in flight is not noted as in doubt")
				}
			})
		})
	}
}

// Down: a stop returns at once, deletes nothing and counts nothing.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Retry} })
		w.run()
		pass(5 * time.Minute)
		failures := w.lane(setA).Failures
		began := time.Now()
		w.stop()
		if d := time.Since(began); d != 0 {
			t.Errorf("stopping took %s", d)
		}
		st, _ := w.log.Lane(setA)
		d, _ := ledger.Decode(st.State)
		if st.Pending != 5 || d.Failures != failures || d.Next.IsZero() {
			t.Errorf("pending %d, state %+v", st.Pending, d)
		}
		n := len(w.sender.seen())
		w.run() // crash loops send no bursts: the wait goes on
		defer func() { w.stop() }()
		pass(time.Millisecond)
		if got := len(w.sender.seen()); got != n {
			t.Error("a restart tried at once")
		}
		w.wantState(setA, WaitingRetry)
	})
}

// Forget takes records out while a batch waits: what is gone is not sent, what
// was delivered is not sent again.
func TestForgetWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.add(setA, "lead", fakeEvent{Tag: "x"}) // its own request, delivered first
		w.fill(setA, "e", 5)
		w.sender.set(func(n int, c call) graph.Result {
			if n == 1 {
				return graph.Result{Class: graph.Delivered}
			}
			return graph.Result{Class: graph.Retry}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.log.mu.Lock()
		w.log.forget(3)
		w.log.mu.Unlock()
		w.s.Wake(Forget)
		w.sender.set(nil)
		pass(time.Hour)
		w.exactlyOnce("lead/events", "e0000/events", "e0001/events", "e0003/events", "e0004/events")
		w.wantCounts(setA, map[string]int64{"delivered": 5})
	})
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 5)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Retry} })
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		err := w.s.Exclusive(setA, func([]queue.Seq) error {
			pass(time.Hour)
			n := len(w.sender.seen())
			pass(time.Hour)
			if len(w.sender.seen()) != n {
				t.Error("the lane went on")
			}
			w.log.mu.Lock()
			w.log.recs, w.log.lanes = nil, map[string]*queue.LaneStat{}
			clear(w.log.stats)
			w.log.mu.Unlock()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.sender.set(nil)
		w.log.add(setA, "new", fakeEvent{})
		pass(time.Minute)
		w.exactlyOnce("new/events")
	})
}

// What was forgotten is in no request from then on: one that is about to leave does not,
// one that is on its way is cut off, and what else was in that is sent again as it was.
func TestForgetCutsOffRequests(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]time.Duration{"answered in time": 2 * time.Second, "cut off": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := w.fill(setA, "e", 5)
				w.fill(setB, "b", 5)
				var late atomic.Bool
				w.sender.set(func(_ int, c call) graph.Result {
					if late.Load() && strings.Contains(c.data(), "e0003") {
						t.Error("sent after it was forgotten")
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
				})
				w.sender.block = func(ctx context.Context, _ int) {
					if late.Load() {
						return
					}
					select {
					case <-ctx.Done():
					case <-time.After(take):
					}
				}
				w.run()
				defer func() { w.stop() }()
				pass(time.Second) // both are on their way
				began := time.Now()
				err := w.s.Forget(func() error {
					pass(time.Minute)
					w.log.mu.Lock()
					w.log.forget(3)
					w.log.mu.Unlock()
					return nil
				})
				if took := time.Since(began); err != nil || took > 2*time.Minute {
					t.Fatalf("%v after %s", err, took)
				}
				late.Store(true)
				pass(time.Hour)
				if take > time.Minute { // nobody has answered for it
					want = slices.Delete(want, 3, 4)
				}
				w.exactlyOnce(append(want, "b0000/events", "b0001/events", "b0002/events", "b0003/events", "b0004/events")...)
				w.wantPending(setA, 0)
				w.wantPending(setB, 0)
			})
		})
	}
}
