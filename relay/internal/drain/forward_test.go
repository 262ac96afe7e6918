package drain

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/relay/internal/graph"
)

// fakeHub takes what lanes hand over; says gives its answer to each chunk, and nil
// takes it.
type fakeHub struct {
	mu     sync.Mutex
	hangs  chan struct{} // it answers once this is closed
	says   func(n int, recs []queue.Record) graph.Result
	part   int // most records that it takes of a batch; 0: all
	chunks [][]string
	at     []time.Time
	has    map[string]int  // messageIds taken
	gone   map[string]bool // messageIds that it removes
}

func (h *fakeHub) Forward(_ context.Context, _ string, b queue.Batch, _ int64) (queue.Seq, []queue.Seq, graph.Result) {
	if h.hangs != nil {
		<-h.hangs
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	recs, end := b.Records, b.Next
	if h.part > 0 && len(recs) > h.part {
		recs, end = recs[:h.part], recs[h.part].Seq
	}
	var ids []string
	var forgotten []queue.Seq
	for _, r := range recs {
		ids = append(ids, r.ID)
	}
	h.chunks, h.at = append(h.chunks, ids), append(h.at, time.Now())
	r := graph.Result{Class: graph.Delivered, HTTPStatus: 200}
	if h.says != nil {
		r = h.says(len(h.chunks), recs)
	}
	if r.Sent = len(recs); r.Class == graph.Delivered {
		for i, id := range ids {
			if h.gone[id] {
				forgotten = append(forgotten, recs[i].Seq)
				continue
			}
			h.has[id]++
		}
	}
	return end, forgotten, r
}

// sent are the chunks that the hub was handed, and when.
func (h *fakeHub) sent() ([][]string, []time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([][]string{}, h.chunks...), append([]time.Time{}, h.at...)
}

// edge is a world whose relay forwards, to a hub that answers what says gives.
func edge(t *testing.T, says func(n int, recs []queue.Record) graph.Result) (*world, *fakeHub) {
	w := newWorld(t)
	h := &fakeHub{says: says, has: map[string]int{}}
	w.opts.Forward = h
	return w, h
}

// failing answers the first n chunks with r, and takes what follows.
func failing(n int, r graph.Result) func(int, []queue.Record) graph.Result {
	return func(i int, _ []queue.Record) graph.Result {
		if i > n {
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200}
		}
		return r
	}
}

// wantOnce fails unless the hub has n records, each taken once, and the lane is empty.
func wantOnce(w *world, h *fakeHub, n int) {
	w.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.has) != n {
		w.t.Errorf("the hub has %d records, want %d", len(h.has), n)
	}
	for id, times := range h.has {
		if times != 1 {
			w.t.Errorf("%s was taken %d times", id, times)
		}
	}
	w.wantPending(queue.LaneForward, 0)
}

// What is forwarded goes in order, and what the hub took of a batch alone is settled.
func TestForwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, nil)
		h.part = 300
		w.fill(queue.LaneForward, "a", 1000)
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Second)
		wantOnce(w, h, 1000)
		chunks, _ := h.sent()
		for i, n := 0, 0; i < len(chunks); i++ {
			for _, id := range chunks[i] {
				if want := w.log.recs[n].ID; id != want {
					t.Fatalf("%s came in the place of %s", id, want)
				}
				n++
			}
		}
		w.wantCounts(queue.LaneForward, map[string]int64{"delivered": 1000})
		w.wantState(queue.LaneForward, Idle)
		if n := len(w.sender.seen()); n != 0 {
			t.Errorf("%d requests to Meta", n)
		}
	})
}

// What the hub removes since it was told to forget the person is counted as that, and not
// as delivered.
func TestForwardForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, nil)
		w.fill(queue.LaneForward, "a", 10)
		h.gone = map[string]bool{w.log.recs[3].ID: true, w.log.recs[7].ID: true}
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Second)
		wantOnce(w, h, 8)
		w.wantCounts(queue.LaneForward, map[string]int64{"delivered": 8})
		if n := w.log.dropped[queue.DropForgotten]; n != 2 {
			t.Errorf("%d counted as forgotten, want 2", n)
		}
	})
}

// A hub that is full, or that no network reaches, is asked again later, and everything
// is kept meanwhile.
func TestForwardRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r     graph.Result
		state State
		least time.Duration
	}{
		"full":    {graph.Result{Class: graph.Throttle, HTTPStatus: 429, RetryAfter: 30 * time.Second}, Throttled, 30 * time.Second},
		"no line": {graph.Result{Class: graph.Retry}, WaitingRetry, time.Millisecond},
		"doubt":   {graph.Result{Class: graph.Doubt, Upload: graph.UploadWhole}, WaitingRetry, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, h := edge(t, failing(3, c.r))
				w.fill(queue.LaneForward, "a", 10)
				w.run()
				defer func() { w.stop() }()
				w.wantState(queue.LaneForward, c.state)
				w.wantPending(queue.LaneForward, 10)
				pass(10 * time.Minute)
				wantOnce(w, h, 10)
				_, at := h.sent()
				if len(at) != 4 {
					t.Fatalf("%d calls, want 4", len(at))
				}
				for i := range at[1:] {
					if d := at[i+1].Sub(at[i]); d < c.least {
						t.Errorf("asked again after %s, want at least %s", d, c.least)
					}
				}
				w.wantState(queue.LaneForward, Idle)
			})
		})
	}
}

// What needs a person pauses the lane and loses nothing; it is tried again by itself, with
// one event, and what it waits for survives a restart.
func TestForwardPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := graph.Result{Class: graph.ConfigPause, HTTPStatus: 401, Message: "the hub does not know this key"}
		w, h := edge(t, failing(6, refused))
		w.fill(queue.LaneForward, "a", 10)
		w.run()
		pass(5 * time.Second)
		w.wantState(queue.LaneForward, PausedConfig)
		if chunks, _ := h.sent(); len(chunks) != refusedAtMost {
			t.Errorf("%d calls before the pause, want %d", len(chunks), refusedAtMost)
		}
		if p := w.lane(queue.LaneForward).LastError; p == nil || p.Message != refused.Message {
			t.Errorf("problem %+v", p)
		}
		w.stop()
		w.wantPending(queue.LaneForward, 10)
		w.run()
		defer func() { w.stop() }()
		pass(3 * time.Minute)
		wantOnce(w, h, 10)
		if chunks, _ := h.sent(); len(chunks[5]) != 1 || len(chunks[6]) != 1 || len(chunks[7]) != 9 {
			t.Errorf("chunks %v: a pause is tried with one event", chunks)
		}
		w.wantState(queue.LaneForward, Idle)
		if w.lane(queue.LaneForward).LastError != nil {
			t.Error("the problem is shown after it has passed")
		}
	})
}

// A restart keeps a wait, and the reason for it until it is over.
func TestForwardWaitsWithReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := graph.Result{Class: graph.Throttle, HTTPStatus: 429, RetryAfter: 30 * time.Second, Message: "HTTP 429 (queue_full)"}
		w, h := edge(t, failing(1, full))
		w.fill(queue.LaneForward, "a", 10)
		w.run()
		pass(5 * time.Second)
		w.stop()
		w.run()
		defer func() { w.stop() }()
		pass(5 * time.Second)
		w.wantState(queue.LaneForward, Throttled)
		if chunks, _ := h.sent(); len(chunks) != 1 {
			t.Errorf("%d calls", len(chunks))
		}
		if p := w.lane(queue.LaneForward).LastError; p == nil || p.Message != full.Message || p.HTTPStatus != 429 || p.Advice == "" || p.At.IsZero() {
			t.Errorf("after a restart it waits for no reason: %+v", p)
		}
		pass(time.Minute)
		wantOnce(w, h, 10)
		if w.lane(queue.LaneForward).LastError != nil {
			t.Error("the reason is shown after the wait is over")
		}
	})
}

// While a hub that hangs does not answer, the lane says since when it waits.
func TestForwardWaitsForAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, nil)
		answer := make(chan struct{})
		h.hangs = answer
		w.fill(queue.LaneForward, "a", 10)
		began := time.Now()
		w.run()
		defer func() { w.stop() }()
		pass(40 * time.Second)
		w.wantState(queue.LaneForward, Sending)
		if l := w.lane(queue.LaneForward); l.Asked.IsZero() || l.Asked.Sub(began) > 5*time.Second {
			t.Errorf("asked at %s, began at %s", l.Asked, began)
		}
		close(answer)
		pass(time.Second)
		wantOnce(w, h, 10)
		if l := w.lane(queue.LaneForward); !l.Asked.IsZero() || l.State != Idle {
			t.Errorf("%+v: nothing is waited for", l)
		}
	})
}

// Of two relays that are one hub, one may not know the key yet: the edge goes on with the
// other one.
func TestForwardRefusedByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, func(n int, _ []queue.Record) graph.Result {
			if n%2 == 1 {
				return graph.Result{Class: graph.ConfigPause, HTTPStatus: 401}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200}
		})
		h.part = 100
		w.fill(queue.LaneForward, "a", 1000)
		w.run()
		defer func() { w.stop() }()
		pass(time.Minute)
		wantOnce(w, h, 1000)
	})
}

// A hub that refuses even the smallest chunk as too large is asked at the pace of
// retries, and everything is kept.
func TestForwardNeverFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, failing(1000, graph.Result{Class: graph.TooMuch, HTTPStatus: 413}))
		w.fill(queue.LaneForward, "a", 10)
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		if chunks, _ := h.sent(); len(chunks) < 3 || len(chunks) > 1000 {
			t.Errorf("%d calls in an hour", len(chunks))
		}
		w.wantPending(queue.LaneForward, 10)
		w.wantState(queue.LaneForward, WaitingRetry)
	})
}

// A chunk that is too large is made smaller; one event that the hub takes in no chunk
// is a dead letter here, and the others go on.
func TestForwardTooLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := edge(t, func(_ int, recs []queue.Record) graph.Result {
			for _, r := range recs {
				if len(recs) > 1 || r.ID == "huge" {
					return graph.Result{Class: graph.TooMuch, HTTPStatus: 413}
				}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200}
		})
		w.fill(queue.LaneForward, "a", 5)
		w.log.add(queue.LaneForward, "huge", fakeEvent{Pad: fmt.Sprintf("%2000d", 1)})
		w.fill(queue.LaneForward, "b", 5)
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		wantOnce(w, h, 10)
		if d := w.log.letters(); len(d) != 1 || d[0].MessageID != "huge" || len(d[0].Body) == 0 {
			t.Errorf("dead letters: %+v", d)
		}
	})
}
