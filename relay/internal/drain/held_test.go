package drain

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/graph"
)

// A new mapping that lets nothing pass pauses the event set instead of turning its
// backlog into letters; a corrected one delivers it.
func TestMappingThatHoldsEverything(t *testing.T) {
	t.Parallel()
	for _, reason := range byMapping {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := w.fill(setA, "a", 3)
				w.run()
				pass(time.Second)
				broken := &fakeMapping{digest: "m2", sets: w.mapping.sets, hold: reason}
				w.kept["m2"] = broken
				w.remap(broken)
				want = append(want, w.fill(setA, "b", 500)...)
				pass(time.Hour)
				w.wantState(setA, BreakerOpen)
				if l := w.lane(setA); l.LastError == nil || l.LastError.Class != "held" || l.LastError.Advice == "" {
					t.Errorf("status %+v", l.LastError)
				}
				crash(w)
				w.run()
				defer func() { w.stop() }()
				pass(time.Hour)
				w.wantState(setA, BreakerOpen)
				letters := w.log.letters()
				if len(letters) >= 20 || w.logs.count("breaker_open") != 2 { // once by each process
					t.Errorf("%d letters, logged %d times", len(letters), w.logs.count("breaker_open"))
				}
				w.remap(&fakeMapping{digest: "m3", sets: w.mapping.sets})
				pass(time.Minute)
				w.exactlyOnce(slices.DeleteFunc(want, func(id string) bool {
					return slices.ContainsFunc(letters, func(d queue.DeadLetter) bool { return d.MessageID+"/events" == id })
				})...)
				w.wantState(setA, Idle)
			})
		})
	}
}

// An operator may let the events become letters.
func TestHeldByResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "a", 3)
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.remap(&fakeMapping{digest: "m2", sets: w.mapping.sets, hold: mapper.ReasonMissingCurrency})
		w.fill(setA, "b", 1500)
		pass(time.Hour)
		if n := len(w.log.letters()); n >= 20 {
			t.Fatalf("%d letters", n)
		}
		if err := w.s.Resume(setA); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		w.fill(setA, "c", 1500)
		pass(time.Minute)
		w.wantState(setA, Idle)
		if n := len(w.log.letters()); n != 3000 {
			t.Errorf("%d letters", n)
		}
	})
}

// What passes is delivered though much before it is held; that proves the mapping.
func TestHeldIsPassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.MaxEvents = 50
		w.fill(setA, "a", 3)
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.remap(&fakeMapping{digest: "m2", sets: w.mapping.sets})
		for _, id := range ids("b", 0, 500) {
			w.log.add(setA, id, fakeEvent{Hold: mapper.ReasonMissingValue})
		}
		pass(time.Hour)
		w.wantState(setA, BreakerOpen)
		if n := len(w.log.letters()); n >= 20 {
			t.Errorf("%d letters", n)
		}
		w.log.add(setA, "good", fakeEvent{})
		pass(time.Minute)
		if w.sender.accepted()["good/events"] != 1 {
			t.Error("what passes waits behind what does not")
		}
		w.wantState(setA, Idle)
		if n := len(w.log.letters()); n != 500 {
			t.Errorf("%d letters", n)
		}
		w.wantPending(setA, 0)
	})
}

// What events are held for by themselves, and what the first mapping of all holds,
// opens no breaker; nor does a new mapping that holds some.
func TestHeldOpensNoBreaker(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"cash sales": func(w *world) {
			w.remap(&fakeMapping{digest: "m2", sets: w.mapping.sets, hold: mapper.ReasonNoMatchKey})
			w.fill(setA, "b", 500)
		},
		"some": func(w *world) {
			w.remap(&fakeMapping{digest: "m2", sets: w.mapping.sets})
			for _, id := range ids("b", 0, 500) {
				w.log.add(setA, id, fakeEvent{Hold: mapper.ReasonMissingValue})
			}
			w.log.add(setA, "good", fakeEvent{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(setA, "a", 3)
				w.run()
				defer func() { w.stop() }()
				pass(time.Second)
				change(w)
				pass(time.Minute)
				w.wantState(setA, Idle)
				if n := len(w.log.letters()); n != 500 {
					t.Errorf("%d letters", n)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mapping.hold = mapper.ReasonMissingCurrency
		w.fill(setA, "b", 500)
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		if d := w.log.letters(); len(d) != 500 || slices.IndexFunc(w.logs.codes, func(c string) bool { return c == "breaker_open" }) >= 0 {
			t.Errorf("%d letters, %v", len(d), w.logs.codes)
		}
	})
}

// An event in doubt behind what is passed over is sent again as it was, also by the
// next process.
func TestDoubtBehindWhatIsPassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.MaxEvents = 50
		w.fill(setA, "a", 3)
		w.run()
		pass(time.Second)
		m := &fakeMapping{digest: "m2", sets: w.mapping.sets}
		w.kept["m2"] = m
		w.remap(m)
		for _, id := range ids("b", 0, 300) {
			w.log.add(setA, id, fakeEvent{Hold: mapper.ReasonMissingCurrency})
		}
		pass(time.Minute)
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt, HTTPStatus: 502} })
		w.log.add(setA, "x", fakeEvent{})
		pass(10 * time.Minute)
		before := len(w.sender.seen())
		if before < 3 {
			t.Fatalf("%d requests", before)
		}
		crash(w)
		w.run()
		defer func() { w.stop() }()
		w.sender.set(nil)
		w.log.add(setA, "y", fakeEvent{})
		pass(10 * time.Minute)
		if got := w.sender.accepted(); got["x/events"] != 1 || got["y/events"] != 1 {
			t.Errorf("accepted %v", got)
		}
		if w.logs.count("doubt_rebuilt") == 0 || w.metrics.mismatch != 0 {
			t.Error("it was not made again as it was")
		}
	})
}
