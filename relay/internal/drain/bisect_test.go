package drain

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// poison answers like Meta: the whole request is refused for one bad event
// (docs/meta.md 5.1). With hint it names the first, or all, by index.
func poison(hint string, code, subcode int, bad ...string) func(int, call) graph.Result {
	return func(n int, c call) graph.Result {
		r := graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: code, Subcode: subcode, Message: "Meta's words", FBTraceID: fmt.Sprint("trace", n)}
		found := false
		for i, id := range c.ids {
			if name, _, _ := strings.Cut(id, "/"); slices.Contains(bad, name) {
				if hint == "all" || hint == "first" && !found {
					r.Bad = append(r.Bad, graph.BadEvent{Index: i, Code: code, Subcode: subcode, Message: "words on " + name})
				}
				if hint == "wrong" {
					r.Bad = []graph.BadEvent{{Index: 0, Code: code, Subcode: subcode}}
				}
				found = true
			}
		}
		if found {
			return r
		}
		return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
	}
}

func TestPoison(t *testing.T) {
	t.Parallel()
	seven := []string{"e0000", "e0777", "e0999", "e1000", "e2345", "e2346", "e4999"}
	tests := []struct {
		name  string
		api   meta.API
		hint  string
		n     int
		bad   []string
		extra int // requests beyond those of a clean run, per bad event
	}{
		{"one in a thousand", meta.Conversions, "", 1000, []string{"e0613"}, 12},
		{"the first", meta.Conversions, "", 1000, []string{"e0000"}, 12},
		{"the last", meta.Conversions, "", 1000, []string{"e0999"}, 12},
		{"seven of five thousand", meta.Conversions, "", 5000, seven, 14},
		{"named in a text", meta.Conversions, "first", 5000, seven, 2},
		{"named wrongly", meta.Conversions, "wrong", 1000, []string{"e0613"}, 25},
		{"named by index", meta.Offline, "all", 5000, seven, 1},
		{"offline, not named", meta.Offline, "", 5000, seven, 14},
		{"two neighbours", meta.Conversions, "", 1000, []string{"e0500", "e0501"}, 12},
		{"alone", meta.Conversions, "", 1, []string{"e0000"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.mapping.api = tt.api
				w.sender.set(poison(tt.hint, 100, 2804019, tt.bad...))
				want := w.fill(setA, "e", tt.n)
				for _, id := range tt.bad {
					want = slices.DeleteFunc(want, func(s string) bool { return s == id+"/events" })
				}
				w.run()
				defer func() { w.stop() }()
				pass(10 * time.Minute)
				w.exactlyOnce(want...)
				w.wantState(setA, Idle)
				var dead []string
				for _, d := range w.log.letters() {
					dead = append(dead, d.MessageID)
					if d.Reason != mapper.ReasonRejected || d.Code != 100 || d.Subcode != 2804019 || d.FBTraceID == "" || d.Attempts == 0 || !strings.Contains(d.Message, "words") {
						t.Errorf("dead letter %+v", d)
					}
				}
				slices.Sort(dead)
				if !slices.Equal(dead, tt.bad) {
					t.Errorf("dead letters %v, want %v", dead, tt.bad)
				}
				clean := (tt.n + 999) / 1000
				extra := len(w.sender.seen()) - clean
				t.Logf("%d extra requests for %d bad events", extra, len(tt.bad))
				if extra > tt.extra*len(tt.bad) {
					t.Errorf("%d extra requests, want at most %d", extra, tt.extra*len(tt.bad))
				}
				w.wantCounts(setA, map[string]int64{"delivered": int64(len(want)), "dead:rejected": int64(len(tt.bad))})
			})
		})
	}
}

// A crash in the middle of the search resends at most what was on its way.
func TestPoisonOverCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bad := []string{"e0100", "e0500", "e0900"}
		answer := poison("", 100, 2804019, bad...)
		w.sender.set(answer)
		want := w.fill(setA, "e", 1000)
		for range 200 {
			w.run()
			pass(8 * time.Millisecond) // a few requests each
			crash(w)
			if l, _ := w.log.Lane(setA); l.Pending == 0 {
				break
			}
		}
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Minute)
		for _, id := range bad {
			want = slices.DeleteFunc(want, func(s string) bool { return s == id+"/events" })
		}
		w.exactlyOnce(want...)
		if n := len(w.log.letters()); n != 3 {
			t.Errorf("%d dead letters", n)
		}
		if n := w.metrics.mismatch; n != 0 {
			t.Errorf("%d mismatches", n)
		}
	})
}

// crash ends a process without its last settlement: what is in the log is what
// was there before.
func crash(w *world) {
	w.log.mu.Lock()
	before := w.log.fail
	w.log.fail = errCrash
	w.log.mu.Unlock()
	w.stop()
	w.log.mu.Lock()
	w.log.fail = before
	w.log.mu.Unlock()
}

var errCrash = fmt.Errorf("crashed")

func TestBreaker(t *testing.T) {
	t.Parallel()
	for _, api := range []meta.API{meta.Conversions, meta.Offline} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.mapping.api = api
				hint := ""
				if api == meta.Offline {
					hint = "all"
				}
				all := func(n int, c call) graph.Result {
					bad := make([]string, len(c.ids))
					for i, id := range c.ids {
						bad[i], _, _ = strings.Cut(id, "/")
					}
					return poison(hint, 100, 2804016, bad...)(n, c)
				}
				w.sender.set(all)
				w.fill(setA, "e", 3000)
				w.run()
				defer func() { w.stop() }()
				pass(5 * time.Minute)
				w.wantState(setA, BreakerOpen)
				if n := len(w.log.letters()); n != 20 {
					t.Errorf("%d dead letters, want as many as the breaker takes", n)
				}
				n := len(w.sender.seen())
				t.Logf("%d requests until the breaker opened", n)
				if n > 80 {
					t.Errorf("%d requests until the breaker opened", n)
				}
				if w.logs.count("breaker_open") != 1 {
					t.Error("not said")
				}
				if got, want := w.lane(setA).LastError.Advice, advice.Breaker().String(); got != want {
					t.Errorf("advice %q, want %q", got, want)
				}
				w.stop() // a restart burns nothing
				w.run()
				pass(5 * time.Minute)
				w.wantState(setA, BreakerOpen)
				if got := len(w.sender.seen()); got != n {
					t.Errorf("%d requests after a restart", got-n)
				}
				pass(time.Hour)
				if got := len(w.sender.seen()) - n; got < 5 || got > 7 {
					t.Errorf("%d probes in an hour, want one in ten minutes", got)
				}
				if n := len(w.log.letters()); n != 20 {
					t.Errorf("probes made dead letters: %d", n)
				}
				w.sender.set(nil)
				mark := len(w.sender.seen())
				w.remap(&fakeMapping{digest: "m2", sets: []string{setA}, api: api})
				pass(time.Minute)
				w.wantState(setA, Idle)
				w.wantCounts(setA, map[string]int64{"delivered": 2980, "dead:rejected": 20})
				for _, c := range w.sender.seen()[mark:] {
					if !strings.Contains(c.data(), `"by":"m2"`) {
						t.Fatal("the rest was not mapped by the new mapping")
					}
				}
			})
		})
	}
}

// A proxy that takes not even one event is not Meta, nor is any event to blame; that
// one of them is too large for it shows once others pass.
func TestTooLargeForTheWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tooLarge := graph.Result{Class: graph.InvalidBatch, HTTPStatus: http.StatusRequestEntityTooLarge, Foreign: true, Message: "HTTP 413"}
		w.sender.set(func(_ int, c call) graph.Result { r := tooLarge; r.Sent = len(c.ids); return r })
		want := w.fill(setA, "e", 300)
		w.run()
		defer func() { w.stop() }()
		pass(12 * time.Hour)
		w.wantState(setA, PausedConfig)
		if d := w.log.letters(); len(d) != 0 {
			t.Errorf("%d letters", len(d))
		}
		if n := len(w.sender.seen()); n > 12*6+20 {
			t.Errorf("%d requests", n)
		}
		w.sender.set(func(_ int, c call) graph.Result {
			if slices.Contains(c.ids, "e0007/events") {
				return tooLarge
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
		})
		pass(time.Hour)
		for i := range 24 {
			want = append(want, w.fill(setA, fmt.Sprint("later", i), 1)...)
			pass(10 * time.Minute)
		}
		w.exactlyOnce(slices.DeleteFunc(want, func(id string) bool { return id == "e0007/events" })...)
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "e0007" || d[0].Reason != mapper.ReasonTooLarge {
			t.Errorf("letters %+v", d)
		}
	})
}

// The breaker's probe finds out by itself that it may close, although one
// event is bad for ever.
func TestBreakerClosesByProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bad := ids("e", 0, 30) // the first thirty
		w.sender.set(poison("", 100, 2804019, bad...))
		w.fill(setA, "e", 1000)
		w.run()
		defer func() { w.stop() }()
		pass(2 * time.Minute)
		w.wantState(setA, BreakerOpen)
		pass(time.Hour)
		w.wantState(setA, Idle)
		w.wantCounts(setA, map[string]int64{"delivered": 970, "dead:rejected": 30})
	})
}

// Eight days offline: the old ones travel alone; refused for their age, they
// are expired in a few requests, and the breaker has no part in it.
func TestOldRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		now := time.Now()
		for i := range 1500 {
			w.log.add(setA, fmt.Sprintf("old%04d", i), fakeEvent{Time: now.Add(-8*24*time.Hour + time.Duration(i)*time.Second)})
		}
		want := w.fill(setA, "new", 500)
		w.sender.set(func(n int, c call) graph.Result {
			for _, id := range c.ids {
				if strings.HasPrefix(id, "old") {
					return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804003, Message: "too old"}
				}
			}
			return graph.Result{Class: graph.Delivered}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		w.exactlyOnce(want...)
		w.wantCounts(setA, map[string]int64{"delivered": 500, "dead:expired": 1500})
		if n := len(w.sender.seen()); n > 8 {
			t.Errorf("%d requests", n)
		}
		for _, d := range w.log.letters() {
			if d.Reason != mapper.ReasonExpired || d.Subcode != 2804003 {
				t.Fatalf("dead letter %+v", d)
			}
		}
	})
}

// Where Meta's limit lies in the middle of the old ones, the younger go out.
func TestOldPartlyRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		now := time.Now()
		var want []string
		for i := range 1000 {
			age := 8*24*time.Hour + time.Duration(i)*time.Minute
			id := fmt.Sprintf("old%04d", i)
			w.log.add(setA, id, fakeEvent{Time: now.Add(-age)})
			if i < 700 {
				want = append(want, id+"/events")
			}
		}
		w.sender.set(func(n int, c call) graph.Result {
			for _, id := range c.ids {
				if id >= "old0700" {
					return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804003}
				}
			}
			return graph.Result{Class: graph.Delivered}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		w.exactlyOnce(want...)
		w.wantCounts(setA, map[string]int64{"delivered": 700, "dead:expired": 300})
		t.Logf("%d requests", len(w.sender.seen()))
		if n := len(w.sender.seen()); n > 25 {
			t.Errorf("%d requests", n)
		}
	})
}

// A batch that grew a week old while it waited is grouped anew.
func TestOutgrown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := time.Now()
		w.log.add(setA, "ripe", fakeEvent{Time: begin.Add(-7*24*time.Hour + 10*time.Minute)})
		want := append(w.fill(setA, "e", 10), "ripe/events")
		w.sender.set(func(n int, c call) graph.Result {
			if time.Since(begin) < time.Hour {
				return graph.Result{Class: graph.Doubt}
			}
			if len(c.ids) > 1 && slices.Contains(c.ids, "ripe/events") {
				return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804003}
			}
			return graph.Result{Class: graph.Delivered}
		})
		w.run()
		defer func() { w.stop() }()
		pass(2 * time.Hour)
		w.exactlyOnce(want...)
		if n := len(w.log.letters()); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// Meta says an event is in the future: kept until it is due, then it goes.
func TestFutureRefusedAndReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		due := time.Now().Add(30 * time.Second)
		w.log.add(setA, "ahead", fakeEvent{Time: due})
		w.log.add(setA, "tomorrow", fakeEvent{Time: time.Now().Add(24 * time.Hour), Lists: []string{rules.ListEvents, rules.ListLead}})
		w.sender.set(func(n int, c call) graph.Result {
			if time.Now().Before(due) {
				return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804004}
			}
			return graph.Result{Class: graph.Delivered}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Second)
		w.wantCounts(setA, map[string]int64{"dead:future": 3})
		pass(2 * time.Minute)
		w.exactlyOnce("ahead/events")
		w.stop()
		w.run() // what waits is found again
		pass(25 * time.Hour)
		w.exactlyOnce("ahead/events", "tomorrow/events", "tomorrow/lead")
		if n := len(w.log.letters()); n != 0 {
			t.Errorf("%d dead letters are left", n)
		}
	})
}

// At one request in ten seconds the search takes longer than a batch stays
// fresh; it comes to its end all the same.
func TestPoisonAtSlowRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.opts.Settings.RequestsPerSecond = 0.1
		want := w.fill(setA, "e", 1000)
		w.sender.set(poison("", 100, 2804019, "e0000", "e0700"))
		w.run()
		defer func() { w.stop() }()
		pass(6 * time.Minute)
		w.wantState(setA, Idle)
		w.exactlyOnce(slices.DeleteFunc(want, func(id string) bool { return id == "e0000/events" || id == "e0700/events" })...)
		w.wantCounts(setA, map[string]int64{"delivered": 998, "dead:rejected": 2})
	})
}
