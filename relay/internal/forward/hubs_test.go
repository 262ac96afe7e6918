package forward

import (
	"slices"
	"sync"
	"testing"
	"time"

	"relay/queue"
)

// settledAll settles what a lane has waiting.
func settledAll(t *testing.T, q Log, lane string) {
	t.Helper()
	b, err := q.Read(lane, 0, 10_000, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Settle(lane, queue.Settlement{Settled: b.RangesExcept(func(int) bool { return false })}); err != nil {
		t.Fatal(err)
	}
}

// within waits until what one hub has stored is known at the other.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); {
		if time.Since(start) > 10*time.Second {
			t.Fatal(what)
		}
		wait(t.Context(), 10*time.Millisecond, nil)
	}
}

// An edge whose answer was lost asks another hub of the same queue, or both at once: each
// event is read once.
func TestAnotherHub(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		a, b, qa, qb := e.hubs(t, time.Hour)
		take(t, a, "0042", orders("m", 0, 100))
		take(t, b, "0042", orders("m", 0, 100))
		take(t, b, "0042", orders("m", 50, 120))
		for n := range queue.Seq(10) {
			c := orders("m", 200+10*n, 210+10*n)
			var both sync.WaitGroup
			for _, h := range []*Hub{a, b} {
				both.Go(func() {
					for {
						if _, err := h.Forward(t.Context(), "0042", nil, c.Append(nil), nil, 4<<20); err == nil {
							return
						}
						wait(t.Context(), time.Millisecond, nil)
					}
				})
			}
			both.Wait()
		}
		take(t, b, "0043", orders("m", 0, 10)) // other events with the same ids
		for i, q := range []testLog{qa, qb} {
			within(t, "a hub does not learn what the other one has", func() bool { return len(waiting(t, q, set)) >= 230 })
			ids := map[[2]string]int{}
			for _, r := range waiting(t, q, set) {
				ids[[2]string{r.Store, r.ID}]++
			}
			for id, n := range ids {
				if n > 1 {
					t.Errorf("hub %d reads %s %d times", i, id, n)
				}
			}
			if len(ids) != 230 || q.Stats().Pending != 230 {
				t.Errorf("hub %d reads %d events and counts %d, want 230", i, len(ids), q.Stats().Pending)
			}
		}
	})
}

// What was handed over to one hub is known at the other for ever: when it is delivered, its
// ids are forgotten, and the one that took it is gone.
func TestAnotherHubLater(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		a, b, qa, qb := e.hubs(t, forgotten)
		take(t, a, "0042", orders("m", 0, 10))
		take(t, b, "0042", orders("m", 20, 30))
		within(t, "a hub does not learn what the other one has", func() bool { return len(waiting(t, qa, set)) == 20 })
		settledAll(t, qa, set)
		if err := a.fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.fold(t.Context()); err != nil { // as one that has not noticed that another one delivers
			t.Fatal(err)
		}
		take(t, b, "0042", orders("m", 40, 45))
		within(t, "the hub that delivers does not learn what came", func() bool { return len(waiting(t, qa, queue.LaneHad)) == 1 })
		settledAll(t, qa, set)
		if err := a.fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		if qa != qb {
			wait(t.Context(), 12*time.Second, nil) // that are forgotten is looked for every 10 s
			_ = qa.Close()
		}
		for _, c := range []struct {
			from, to queue.Seq
			repeats  int
		}{{0, 10, 10}, {20, 30, 10}, {40, 45, 5}, {0, 46, 25}} {
			if got := take(t, b, "0042", orders("m", c.from, c.to)); got.Repeats != c.repeats {
				t.Errorf("%d to %d: %+v, want %d known", c.from, c.to, got, c.repeats)
			}
		}
		if n := len(waiting(t, qb, set)); n != 46-25 {
			t.Errorf("%d events, want those that were never handed over: 21", n)
		}
	})
}

// A forget at one hub holds at the other by the time it returns, and is over for both once
// the store has told one of them.
func TestForgetAtBothHubs(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		a, b, _, qb := e.hubs(t, time.Hour)
		if _, err := a.Forget(t.Context(), []string{"a2"}, []string{"one", "two"}); err != nil {
			t.Fatal(err)
		}
		if got := take(t, b, "one", orders("a", 1, 4)); got.Stored != 2 || !got.Call {
			t.Errorf("%+v", got)
		}
		order := say(t, b, "one", Call{}).Forget
		if order == nil {
			t.Fatal("the other hub has no order")
		}
		var both sync.WaitGroup // two stores that say so at once, each to another hub
		both.Go(func() { say(t, b, "one", Call{Forgot: []string{order.ID}}) })
		both.Go(func() { say(t, a, "two", Call{Forgot: []string{order.ID}}) })
		both.Wait()
		within(t, "an order that was carried out is kept", func() bool {
			return a.forgets.log.Note(noteForgets) == nil && b.forgets.log.Note(noteForgets) == nil
		})
		if got := take(t, a, "one", &Chunk{Epoch: Epoch{1}, From: 7, To: 8, Records: orders("a2-", 7, 8).Records}); got.Stored != 0 {
			t.Errorf("a chunk that was on its way, at the hub that was not told: %+v", got)
		}
		for _, r := range waiting(t, qb, set) {
			if r.ID[:2] == "a2" {
				t.Errorf("%s was taken", r.ID)
			}
		}
		// Keys that only the other relay has by now: what a forget names waits for a day.
		if _, err := a.Forget(t.Context(), []string{"a3"}, []string{"new"}); err != nil {
			t.Fatal(err)
		}
		a.o.Stores = func() []string { return []string{"one", "two"} }
		a.removeClosedStores()
		if a.forgets.next("new") == nil {
			t.Error("a store whose key this relay does not have yet is given up")
		}
		a.o.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		a.removeClosedStores()
		if a.forgets.next("new") != nil {
			t.Error("a store without a key is waited for for ever")
		}
	})
}

// Any hub shows how each store stands.
func TestStoresAtBothHubs(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		a, b, _, _ := e.hubs(t, time.Hour)
		c := orders("m", 0, 10)
		c.State = State{Waiting: 30, Oldest: received, Version: "1.2.3"}
		take(t, a, "0042", c)
		say(t, b, "0043", Call{State: State{Waiting: 7, Version: "1.2.4"}})
		for _, h := range []*Hub{a, b} {
			if err := h.showNow(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		names := []string{"0042", "0043", "0044"}
		for i, h := range []*Hub{a, b} {
			within(t, "a hub does not show what the other one knows", func() bool {
				s := h.Stores(names)
				return s[0].Waiting == 20 && s[0].Version == "1.2.3" && s[0].Oldest.Equal(received) && s[1].Waiting == 7 && s[1].Version == "1.2.4" && s[2].LastSeen.IsZero()
			})
			if i == 1 && h.Stores(names)[0].Events != 0 {
				t.Error("events that another hub took are counted")
			}
		}
		say(t, b, "0042", Call{State: State{Version: "1.3"}}) // to the other one now
		if err := b.showNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		within(t, "what a store said last is not shown", func() bool { return a.Stores(names)[0].Version == "1.3" })
		if got := a.Stores(slices.Clone(names))[0]; got.Events != 10 || got.Waiting != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// What two hubs keep in one note at once is all kept.
func TestNotesOfBothHubs(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		a, b, qa, qb := e.hubs(t, time.Hour)
		var both sync.WaitGroup
		for i, h := range []*Hub{a, b} {
			for n := range 10 {
				both.Go(func() {
					if err := h.forgets.add([]string{"p"}, []string{string(rune('a' + 10*i + n))}, received); err != nil {
						t.Error(err)
					}
				})
			}
		}
		both.Wait()
		for _, h := range []*Hub{a, b} {
			within(t, "an order is lost", func() bool { return len(h.forgets.waiting()) == 20 })
		}
		if err := qa.UpdateNote("n", func([]byte) ([]byte, error) { return []byte("1"), nil }); err != nil {
			t.Fatal(err)
		}
		if err := qb.UpdateNote("n", func(was []byte) ([]byte, error) { return append(was, '2'), nil }); err != nil {
			t.Fatal(err)
		}
		wait(t.Context(), 1500*time.Millisecond, nil)
		if err := qa.Current(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if got := string(qa.Note("n")); got != "12" {
			t.Errorf("a note that two have changed: %q", got)
		}
	})
}
