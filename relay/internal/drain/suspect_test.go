package drain

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	t.Parallel()
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
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
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
	t.Parallel()
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
		var want []string
		for i := range 10 {
			want = append(want, w.fill(setA, fmt.Sprint("good", i), 1)...)
			pass(5 * time.Minute)
			w.exactlyOnce(want...)
		}
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "bad" {
			t.Errorf("dead letters %+v", d)
		}
	})
}

// An outage of what is on the way blames nobody, however often requests were tried in
// parts, and costs few requests once it is over.
func TestGatewayIsNoSuspect(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "e", 1200)
		w.sender.set(func(int, call) graph.Result {
			return graph.Result{Class: graph.Doubt, HTTPStatus: 502, Message: "an HTML page"}
		})
		w.run()
		defer func() { w.stop() }()
		pass(3 * time.Hour)
		if n := len(w.log.letters()); n != 0 {
			t.Fatalf("%d dead letters", n)
		}
		first := map[string]string{}
		for _, c := range w.sender.seen() {
			for i, id := range c.ids {
				if was, ok := first[id]; ok && was != string(c.req.Data[i]) {
					t.Fatalf("%s was sent as %s and as %s", id, was, c.req.Data[i])
				}
				first[id] = string(c.req.Data[i])
			}
		}
		before := len(w.sender.seen())
		w.sender.set(nil)
		pass(5 * time.Minute)
		w.exactlyOnce(want...)
		if n := len(w.sender.seen()) - before; n > 20 {
			t.Errorf("%d requests for 1,200 events", n)
		}
	})
}

// One event for which nothing answers as Meta does: the others are delivered, each
// once, in few requests; it becomes a letter with its very mapping.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]graph.Result{
		"403 of a firewall": {Class: graph.Retry, HTTPStatus: 403, Foreign: true, Upload: graph.UploadWhole, Message: "HTTP 403 with text/html"},
		"400 midway":        {Class: graph.Retry, HTTPStatus: 400, Foreign: true, Upload: graph.UploadPart, Message: "HTTP 400 with text/html"},
		"empty 500":         {Class: graph.Retry, HTTPStatus: 500, Foreign: true, Upload: graph.UploadWhole, Message: "HTTP 500 with an empty answer"},
		"502":               {Class: graph.Doubt, HTTPStatus: 502, Foreign: true, Upload: graph.UploadWhole, Message: "HTTP 502"},
		"hang":              {Class: graph.Doubt, Upload: graph.UploadWhole, Message: "no answer in time"},
		"one short":         {Class: graph.Doubt, HTTPStatus: 200, Received: 299, Upload: graph.UploadWhole, Message: "300 events were sent, Meta says it received 299"},
		"success false":     {Class: graph.Doubt, HTTPStatus: 200, Upload: graph.UploadWhole, Message: "the answer names neither an error nor how many events were received"},
	} {
		for where, at := range map[string]int{"first": 0, "middle": 137, "last": 299} {
			t.Run(name+"/"+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					want := w.fill(setA, "e", 300)
					id := ids("e", at, at+1)[0] + "/events"
					w.sender.set(func(_ int, c call) graph.Result {
						if slices.Contains(c.ids, id) {
							return bad
						}
						return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
					})
					w.run()
					defer func() { w.stop() }()
					pass(time.Hour)
					w.exactlyOnce(slices.DeleteFunc(want, func(s string) bool { return s == id })...)
					d := w.log.letters()
					if len(d) != 1 || d[0].MessageID+"/events" != id || d[0].Reason != mapper.ReasonUnanswered || d[0].Message != bad.Message || d[0].MappingHash != "m1" {
						t.Fatalf("letters %+v", d)
					}
					if n := len(w.sender.seen()); n > 50 {
						t.Errorf("%d requests", n)
					}
					w.wantState(setA, Idle)
				})
			})
		}
	}
}

// An event that is all there is cannot be told from an outage. It holds back nothing
// that comes behind it, and is found out then.
func TestUnansweredAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "e", 300)
		w.sender.set(func(_ int, c call) graph.Result {
			if slices.Contains(c.ids, "e0299/events") || slices.Contains(c.ids, "mute/events") {
				return graph.Result{Class: graph.Retry, HTTPStatus: 403, Foreign: true, Upload: graph.UploadWhole, Message: "a firewall"}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		w.exactlyOnce(want[:299]...)
		w.log.add(setA, "mute", fakeEvent{})
		pass(24 * time.Hour)
		if n := len(w.log.letters()); n != 1 { // the first: others got through
			t.Fatalf("%d letters", n)
		}
		for i := range 12 {
			before := len(w.sender.seen())
			w.log.add(setA, fmt.Sprint("after", i), fakeEvent{})
			pass(time.Minute)
			if n := len(w.sender.seen()) - before; n > 8 {
				t.Errorf("%d requests for an event behind it", n)
			}
			if w.sender.accepted()[fmt.Sprintf("after%d/events", i)] != 1 {
				t.Fatalf("event %d waits behind one that nothing answers", i)
			}
		}
		pass(time.Hour)
		if d := w.log.letters(); len(d) != 2 || d[1].MessageID != "mute" || d[1].Reason != mapper.ReasonUnanswered {
			t.Errorf("letters %+v", d)
		}
		w.wantPending(setA, 0)
	})
}

// Code 100 without a subcode for everything is how relay is set up: no event is to
// blame, the lane pauses and tries with one event. For one event it is that event.
func TestInvalidWithoutSubcode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.fill(setA, "e", 2500)
		proof := graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid appsecret_proof provided in the API argument"}
		w.sender.set(func(int, call) graph.Result { return proof })
		w.run()
		defer func() { w.stop() }()
		pass(5 * time.Minute)
		w.wantState(setA, PausedConfig)
		n := len(w.sender.seen())
		if l := w.log.letters(); len(l) != 0 || n > 40 {
			t.Fatalf("%d letters after %d requests", len(l), n)
		}
		pass(3 * time.Hour)
		for _, c := range w.sender.seen()[n:] {
			if len(c.ids) > 1 {
				t.Errorf("a probe of %d events", len(c.ids))
			}
		}
		w.sender.set(func(_ int, c call) graph.Result { // set right; one event is bad
			if slices.Contains(c.ids, "e0700/events") {
				return graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid parameter"}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
		})
		pass(time.Hour)
		w.exactlyOnce(slices.DeleteFunc(want, func(s string) bool { return s == "e0700/events" })...)
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "e0700" || d[0].Reason != mapper.ReasonRejected {
			t.Errorf("letters %+v", d)
		}
	})
}

// Refused as too old, though a clock that is trusted knows they are not: that
// is a refusal like others, and the breaker saves the rest.
func TestWronglyOldOpensBreaker(t *testing.T) {
	t.Parallel()
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

// An outage with gaps, in which a request passes now and then, blames nobody, whatever
// it answers.
func TestOutageWithGapsBlamesNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for name, out := range map[string]graph.Result{
		"code 2": {Class: graph.Retry, HTTPStatus: 500, Code: 2, Upload: graph.UploadWhole},
		"502":    {Class: graph.Doubt, HTTPStatus: 502, Foreign: true, Upload: graph.UploadWhole},
		"hang":   {Class: graph.Doubt, Upload: graph.UploadWhole},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(setA, "e", 30)
				var passes atomic.Bool
				w.sender.set(func(_ int, c call) graph.Result {
					if passes.Swap(false) {
						return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
					}
					return out
				})
				w.run()
				defer func() { w.stop() }()
				for i := range 6 {
					pass(2 * time.Hour)
					w.log.add(setA, fmt.Sprint("more", i), fakeEvent{})
					passes.Store(true)
				}
				pass(12 * time.Hour)
				if d := w.log.letters(); len(d) != 0 {
					t.Errorf("%d letters, the first %s %s", len(d), d[0].Reason, d[0].Message)
				}
			})
		})
	}
}

// What is to blame hides nobody: not several in a small lane, not beside what is
// skipped, not with one event a request, not for an answer about size.
func TestSuspectsHideNobody(t *testing.T) {
	t.Parallel()
	plain := graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid parameter"}
	for name, c := range map[string]struct {
		bad    int
		answer graph.Result
		most   int
		skip   bool
	}{
		"three without a subcode": {3, plain, 1000, false},
		"beside a skipped one":    {1, plain, 1000, true},
		"one a request":           {2, plain, 1, false},
		"too much, of one":        {1, graph.Result{Class: graph.TooMuch, HTTPStatus: 500, Code: 1, Upload: graph.UploadWhole}, 1000, false},
		"25 that are refused":     {25, graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.opts.Settings.MaxEvents = c.most
				w.fill(setA, "bad", c.bad)
				if c.skip {
					w.log.add(setA, "cash", fakeEvent{Skip: "no_customer"})
				}
				w.sender.set(func(_ int, call call) graph.Result {
					if slices.ContainsFunc(call.ids, func(id string) bool { return strings.HasPrefix(id, "bad") }) {
						return c.answer
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(call.ids)}
				})
				w.run()
				defer func() { w.stop() }()
				pass(time.Hour)
				want := w.fill(setA, "good", 16)
				before := len(w.sender.seen())
				pass(time.Hour)
				w.exactlyOnce(want...)
				if n := len(w.sender.seen()) - before; n > 300 {
					t.Errorf("%d requests", n)
				}
				for i := range 48 { // sales that go on show which are to blame
					want = append(want, w.fill(setA, fmt.Sprint("late", i), 1)...)
					pass(30 * time.Minute)
				}
				w.exactlyOnce(want...)
				if d := w.log.letters(); len(d) != c.bad {
					t.Errorf("%d letters of %d", len(d), c.bad)
				}
			})
		})
	}
}

// An open breaker is tried at its interval, whatever the probe draws.
func TestBreakerKeepsItsInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(setA, "e", 100)
		w.sender.set(func(int, call) graph.Result {
			return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		w.wantState(setA, BreakerOpen)
		w.sender.set(func(int, call) graph.Result {
			return graph.Result{Class: graph.Retry, HTTPStatus: 500, Code: 2, Upload: graph.UploadWhole}
		})
		before := len(w.sender.seen())
		pass(2 * time.Hour)
		if n := len(w.sender.seen()) - before; n > 13 {
			t.Errorf("%d requests in two hours", n)
		}
	})
}

// A connection on which most requests fail at random blames nobody.
func TestBrownoutBlamesNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for name, out := range map[string]graph.Result{
		"code 2":   {Class: graph.Retry, HTTPStatus: 500, Code: 2, Upload: graph.UploadWhole},
		"code 100": {Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid parameter"},
		"502":      {Class: graph.Doubt, HTTPStatus: 502, Foreign: true, Upload: graph.UploadWhole},
	} {
		for _, fail := range []float64{0.5, 0.9} {
			t.Run(fmt.Sprint(name, " ", fail), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(uint64(fail*100), 7))
					w := newWorld(t)
					w.opts.Settings.MaxEvents = 50
					want := w.fill(setA, "e", 150)
					var mu sync.Mutex
					w.sender.set(func(_ int, c call) graph.Result {
						mu.Lock()
						defer mu.Unlock()
						if random.Float64() < fail {
							return out
						}
						return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
					})
					w.run()
					defer func() { w.stop() }()
					w.drained(10 * 24 * time.Hour)
					w.exactlyOnce(want...)
					if d := w.log.letters(); len(d) != 0 {
						t.Errorf("%d letters, the first %s %s", len(d), d[0].Reason, d[0].Message)
					}
				})
			})
		}
	}
}

// Several that draw no answer, side by side, hold back the others for minutes.
func TestManyUnansweredHideNobody(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 5, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(setA, "mute", n)
				want := w.fill(setA, "e", 300)
				w.sender.set(func(_ int, c call) graph.Result {
					if slices.ContainsFunc(c.ids, func(id string) bool { return strings.HasPrefix(id, "mute") }) {
						return graph.Result{Class: graph.Doubt, HTTPStatus: 502, Foreign: true, Upload: graph.UploadWhole}
					}
					return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
				})
				w.run()
				defer func() { w.stop() }()
				var took time.Duration
				for ; len(w.sender.accepted()) < 300 && took < 3*time.Hour; took += 10 * time.Second {
					pass(10 * time.Second)
				}
				t.Logf("%d requests in %s", len(w.sender.seen()), took)
				w.exactlyOnce(want...)
				if took > time.Duration(n)*3*time.Minute {
					t.Errorf("after %s", took)
				}
			})
		})
	}
}
