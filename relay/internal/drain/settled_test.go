package drain

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/ledger"
	"relay/relay/internal/graph"
)

// twoRequests fills a lane with what becomes two requests of one batch, some of it
// for two lists, and has the second one end in doubt. It returns what the first held
// and what the second was.
func twoRequests(t *testing.T, w *world) (first, second []string) {
	t.Helper()
	for i := range 6 {
		e := fakeEvent{Lists: []string{rules.ListEvents, rules.ListLead}, Tag: "B"}
		if i%2 == 0 {
			e = fakeEvent{}
		}
		w.log.add(setA, fmt.Sprintf("e%d", i), e)
	}
	w.sender.set(func(_ int, c call) graph.Result {
		if strings.HasSuffix(c.req.UploadTag, "B") {
			return graph.Result{Class: graph.Doubt}
		}
		return graph.Result{Class: graph.Delivered, Received: len(c.ids)}
	})
	w.run()
	pass(10 * time.Millisecond)
	for _, c := range w.sender.seen() {
		if strings.HasSuffix(c.req.UploadTag, "B") {
			second = c.ids
		} else {
			first = c.ids
		}
	}
	if len(first) != 3 || len(second) != 6 {
		t.Fatalf("requests of %q and %q", first, second)
	}
	return first, second
}

// What was delivered of a lane that waits is settled, record by record, whatever
// becomes of the rest: after a forget, a crash or a move only what is open is there.
func TestPartOfABatchIsSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := twoRequests(t, w)
		w.wantPending(setA, 3)
		w.wantCounts(setA, map[string]int64{"delivered": 3})
		if d, err := ledger.Decode(w.log.lanes[setA].State); err != nil || len(d.Notes) == 0 {
			t.Fatalf("no note of the request in doubt: %+v %v", d, err)
		}
		w.log.mu.Lock()
		w.log.forget(3)
		w.log.mu.Unlock()
		w.s.Wake(Forget)
		pass(5 * time.Second)
		crash(w)
		w.sender.set(nil)
		w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
		before := len(w.sender.seen())
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		want := slices.DeleteFunc(slices.Clone(second), func(id string) bool { return strings.HasPrefix(id, "e3/") })
		calls := w.sender.seen()
		if len(calls) != before+1 || !slices.Equal(calls[before].ids, want) {
			t.Fatalf("after the crash %d requests, want one of %q", len(calls)-before, want)
		}
		for _, d := range calls[before].req.Data {
			if !slices.ContainsFunc(calls[1].req.Data, func(was []byte) bool { return bytes.Equal(was, d) }) {
				t.Errorf("%s is not what was in doubt", d)
			}
		}
		w.exactlyOnce(append(first, want...)...)
		w.wantPending(setA, 0)
	})
}

// Of a record for two lists one may be delivered, the other a letter or in doubt:
// what is settled is not sent again by another mapping and another process.
func TestSlotsOutliveACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.add(setA, "both", fakeEvent{Lists: []string{rules.ListEvents, rules.ListLead}})
		w.log.add(setA, "after", fakeEvent{})
		w.sender.set(func(_ int, c call) graph.Result {
			if slices.Contains(c.ids, "both/"+rules.ListLead) {
				return graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Subcode: 2804009}
			}
			return graph.Result{Class: graph.Delivered, Received: len(c.ids)}
		})
		w.log.deadRoom = 0 // the letter cannot be stored: the record stays open
		w.run()
		pass(time.Minute)
		crash(w)
		w.log.deadRoom = -1
		w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets}
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		for id, n := range w.sender.accepted() {
			if n != 1 {
				t.Errorf("%s was accepted %d times", id, n)
			}
		}
		if got := w.log.letters(); len(got) != 1 || got[0].List != rules.ListLead {
			t.Errorf("letters %+v", got)
		}
		w.wantPending(setA, 0)
	})
}

// What a record had settled in the lane it was moved from is not sent by the other.
func TestSettledSlotsMoveWithTheRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.append(queue.Record{
			ID: "moved", Lanes: []string{setB}, Received: time.Now(), Body: []byte(`{"event":"Order Completed","lists":["events","lead"]}`),
			Flags: queue.Flags(0).WithSlots(1 << batch.ListSlot(rules.ListEvents)),
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		w.exactlyOnce("moved/" + rules.ListLead)
		w.wantPending(setB, 0)
	})
}

// No room for a letter: what was delivered with it is on record all the same, for a
// restart, a forget and whoever moves the lane.
func TestNoRoomForLettersHoldsNoDelivery(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(t *testing.T, w *world){
		"restart": func(_ *testing.T, w *world) { w.stop(); w.run() },
		"crash":   func(_ *testing.T, w *world) { crash(w); w.run() },
		"forget": func(t *testing.T, w *world) {
			if err := w.s.Forget(func() error { return nil }); err != nil {
				t.Error(err)
			}
		},
		"move": func(t *testing.T, w *world) {
			err := w.s.Exclusive(setA, func([]queue.Seq) error {
				if st, _ := w.log.Lane(setA); st.Pending != 2 {
					t.Errorf("%d would be moved, want 2", st.Pending)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.log.deadRoom = 0
				want := w.fill(setA, "good", 20)
				w.log.add(setA, "held", fakeEvent{Hold: mapper.ReasonMissingValue})
				w.log.add(setA, "refused", fakeEvent{Tag: "B"})
				w.sender.set(func(_ int, c call) graph.Result {
					if slices.Contains(c.ids, "refused/events") {
						return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
				})
				w.run()
				pass(time.Minute)
				w.wantState(setA, DeadFull)
				w.wantPending(setA, 2)
				w.wantCounts(setA, map[string]int64{"delivered": 20})
				then(t, w)
				pass(time.Minute)
				w.exactlyOnce(want...)
				w.log.mu.Lock()
				w.log.deadRoom = -1
				w.log.mu.Unlock()
				pass(5 * time.Minute)
				defer func() { w.stop() }()
				w.exactlyOnce(want...)
				if n := len(w.log.letters()); n != 2 {
					t.Errorf("%d letters", n)
				}
				w.wantPending(setA, 0)
				w.wantCounts(setA, map[string]int64{"delivered": 20, "dead:missing_value": 1, "dead:rejected": 1})
			})
		})
	}
}

// A person who is forgotten while something of theirs is under way, or has no room as
// a letter, leaves no letter, and no receipt that the one who forgets cannot remove.
func TestForgottenLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer graph.Result
		room   int
	}{
		"refused meanwhile":   {graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}, -1},
		"delivered meanwhile": {graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: 1}, -1},
		"no room":             {graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var mu sync.Mutex
				receipts := 0
				w.opts.Delivered = func(d Delivery) {
					mu.Lock()
					defer mu.Unlock()
					receipts += len(d.Items)
				}
				w.log.deadRoom = c.room
				w.log.add(setA, "victim", fakeEvent{})
				w.sender.set(func(int, call) graph.Result { return c.answer })
				w.sender.block = func(context.Context, int) { <-time.After(3 * time.Second) }
				w.run()
				defer func() { w.stop() }()
				wait := time.Second
				if c.room == 0 {
					wait = time.Minute
				}
				pass(wait)
				before := 0
				if err := w.s.Forget(func() error {
					w.log.mu.Lock()
					defer w.log.mu.Unlock()
					w.log.forget(0)
					mu.Lock()
					defer mu.Unlock()
					before = receipts
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				w.log.mu.Lock()
				w.log.deadRoom = -1
				w.log.mu.Unlock()
				pass(10 * time.Minute)
				if n := len(w.log.letters()); n != 0 || receipts != before {
					t.Errorf("%d letters and %d receipts of who is forgotten", n, receipts)
				}
			})
		})
	}
}

// A mapping that comes as a request is refused makes nothing more of what is a letter,
// or delivered, by it.
func TestNewMappingLeavesWhatIsDecided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.add(setA, "bad", fakeEvent{})
		w.log.add(setA, "good", fakeEvent{Tag: "B"})
		w.log.add(setA, "waits", fakeEvent{Tag: "C"})
		w.sender.set(func(_ int, c call) graph.Result {
			switch c.ids[0] {
			case "bad/events":
				w.mu.Lock()
				w.mapping = &fakeMapping{digest: "m2", sets: w.mapping.sets, hold: mapper.ReasonUnrouted}
				w.mu.Unlock()
				return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}
			case "waits/events":
				return graph.Result{Class: graph.Retry}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		of := map[string]int{}
		for _, d := range w.log.letters() {
			of[d.MessageID+" "+d.Reason]++
		}
		if of["bad rejected"] != 1 || of["bad unrouted"] != 0 {
			t.Errorf("letters %v", of)
		}
	})
}

// What Meta took is settled, counted and not sent again, though somebody else has
// settled records of the lane while the request was under way.
func TestSettledByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "e", 6)
		others := 0
		w.sender.set(func(_ int, c call) graph.Result {
			if others++; others == 1 {
				if _, err := w.log.Settle(setA, queue.Settlement{Counts: map[string]int{"dropped:max_size": 1}}); err != nil {
					t.Error(err)
				}
			}
			return graph.Result{Class: graph.Delivered, Received: len(c.ids)}
		})
		w.run()
		defer w.stop()
		pass(time.Minute)
		w.exactlyOnce(want...)
		w.wantPending(setA, 0)
		w.wantCounts(setA, map[string]int64{"delivered": 6, "dropped:max_size": 1})
		if w.logs.count("settle_failed") > 0 {
			t.Error("it is said to have failed")
		}
	})
}
