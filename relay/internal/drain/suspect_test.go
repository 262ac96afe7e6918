package drain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/relay/internal/graph"
)

// stubborn answers code 2, which should pass, to every request that holds one
// of the events.
func stubborn(bad ...string) func(int, call) graph.Result {
	return func(_ int, c call) graph.Result {
		for _, id := range c.ids {
			name, _, _ := strings.Cut(id, "/")
			if slices.Contains(bad, name) {
				return graph.Result{Class: graph.Retry, HTTPStatus: 500, Code: 2, Message: "Service temporarily unavailable", FBTraceID: "T"}
			}
		}
		return graph.Result{Class: graph.Delivered, HTTPStatus: 200, FBTraceID: "ok", Received: len(c.ids)}
	}
}

// One event that Meta answers for ever with an error that should pass holds
// back the others for about an hour, and becomes a dead letter with the code.
func TestSuspect(t *testing.T) {
	for name, at := range map[string]int{"first": 0, "last": 199, "behind": 333} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.opts.Settings.MaxEvents = 200
				want := w.fill(setA, "e", 400)
				bad := ids("e", at, at+1)[0]
				w.sender.set(stubborn(bad))
				w.run()
				defer func() { w.stop() }()
				pass(50 * time.Minute)
				if n := len(w.log.letters()); n != 0 {
					t.Fatalf("%d dead letters after 50 minutes: too early to blame an event", n)
				}
				pass(3 * time.Hour)
				w.wantState(setA, Idle)
				w.exactlyOnce(slices.DeleteFunc(want, func(id string) bool { return id == bad+"/events" })...)
				d := w.log.letters()
				if len(d) != 1 || d[0].MessageID != bad || d[0].Reason != mapper.ReasonRejected || d[0].Code != 2 || d[0].FBTraceID != "T" || d[0].Message == "" {
					t.Fatalf("dead letters %+v", d)
				}
				// What comes after it is not slowed down.
				before := len(w.sender.seen())
				w.log.add(setA, "after", fakeEvent{})
				pass(2 * time.Second)
				if n := len(w.sender.seen()) - before; n != 1 {
					t.Errorf("%d requests for the next event", n)
				}
			})
		})
	}
}

// When nothing gets through it is an outage, however long: no event is blamed.
func TestOutageBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.MaxEvents = 40
		want := w.fill(setA, "e", 60)
		w.sender.set(stubborn(ids("e", 0, 60)...))
		w.run()
		defer func() { w.stop() }()
		pass(2 * 24 * time.Hour)
		if n := len(w.log.letters()); n != 0 {
			t.Fatalf("%d dead letters", n)
		}
		w.stop()
		w.run() // over a restart in the middle as well
		pass(24 * time.Hour)
		w.sender.set(nil)
		pass(2 * time.Minute)
		w.exactlyOnce(want...)
		if n := len(w.log.letters()); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// An event that is all there is cannot be told from an outage: it waits, and
// is found out once another one comes.
func TestSuspectAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.log.add(setA, "bad", fakeEvent{})
		w.sender.set(stubborn("bad"))
		w.run()
		defer func() { w.stop() }()
		pass(2 * 24 * time.Hour)
		if n := len(w.log.letters()); n != 0 {
			t.Fatalf("%d dead letters", n)
		}
		w.log.add(setA, "good", fakeEvent{})
		pass(4 * time.Hour)
		w.exactlyOnce("good/events")
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "bad" {
			t.Errorf("dead letters %+v", d)
		}
	})
}

// An answer that is not Meta's (a gateway's page) says nothing about an event:
// the request is not taken apart.
func TestGatewayIsNoSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 100)
		w.sender.set(func(int, call) graph.Result {
			return graph.Result{Class: graph.Retry, HTTPStatus: 502, Message: "an HTML page"}
		})
		w.run()
		defer func() { w.stop() }()
		pass(12 * time.Hour)
		for _, c := range w.sender.seen() {
			if len(c.ids) != 100 {
				t.Fatalf("a request of %d events", len(c.ids))
			}
		}
	})
}

// Refused as too old, though a clock that is believed knows they are not: that
// is a refusal like others, and the breaker saves the rest.
func TestWronglyOldOpensBreaker(t *testing.T) {
	for _, subcode := range []int{subcodeOld, subcodeFuture} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			now := time.Now()
			for _, id := range ids("e", 0, 3000) {
				w.log.add(setA, id, fakeEvent{Time: now.Add(-time.Hour)})
			}
			w.sender.set(func(int, call) graph.Result {
				return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: subcode, Message: "no", FBTraceID: "T"}
			})
			w.run()
			defer func() { w.stop() }()
			pass(3 * time.Minute)
			w.wantState(setA, BreakerOpen)
			d := w.log.letters()
			if len(d) > 30 {
				t.Errorf("%d dead letters", len(d))
			}
			if d[0].Reason != mapper.ReasonRejected || d[0].Subcode != subcode || !d[0].ReleaseAt.IsZero() {
				t.Errorf("dead letter %+v", d[0])
			}
		})
	}
}
