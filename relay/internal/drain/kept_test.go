package drain

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/graph"
)

// Copies are kept for as long as is set since they were handed over: not since they
// were received, not while they wait, and over a restart.
func TestKeptForAWhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q, err := local.Open(dir, local.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		add := func(id string) {
			if _, err := q.Append(t.Context(), []queue.Entry{{
				ID: id, Lanes: []string{queue.LaneForward, queue.LaneKept}, Received: time.Now().Add(-30 * 24 * time.Hour), Body: fmt.Appendf(nil, `{"event":"Order Completed","id":%q}`, id),
			}}); err != nil {
				t.Fatal(err)
			}
		}
		kept := func(when string, want int64) {
			t.Helper()
			if l, _ := q.Lane(queue.LaneKept); l.Pending != want {
				t.Errorf("%s: %d copies, want %d", when, l.Pending, want)
			}
		}
		w, h := edge(t, failing(5, graph.Result{Class: graph.Throttle, HTTPStatus: 429, RetryAfter: 150 * time.Second}))
		w.opts.Log, w.opts.Settings.KeepHanded = q, time.Hour
		add("first")
		w.run()
		pass(450 * time.Second)
		kept("while it waits", 1)
		pass(1350 * time.Second)
		if n := len(h.has); n != 1 {
			t.Fatalf("%d handed over", n)
		}
		add("second")
		pass(30 * time.Minute)
		kept("half of it later", 2)
		w.stop()
		w.run()
		defer func() { w.stop() }()
		pass(40 * time.Minute)
		kept("when all of it is over", 0)
		if l, _ := q.Lane(queue.LaneKept); l.Counts["kept"] != 2 {
			t.Errorf("%v", l.Counts)
		}
		add("third")
		pass(3 * time.Minute)
		kept("the third", 1)
		set := w.opts.Settings
		set.KeepHanded = 0
		w.s.SetSettings(set)
		pass(3 * time.Minute)
		kept("nothing is to be kept", 0)
	})
}

// settledUpTo is a queue with the given lanes.
type settledUpTo struct {
	lanes   map[string]queue.LaneStat
	opening bool
}

func (q settledUpTo) Lane(name string) (queue.LaneStat, bool) { l, ok := q.lanes[name]; return l, ok }

func (q settledUpTo) Stats() queue.Stats { return queue.Stats{Opening: q.opening} }

func TestHanded(t *testing.T) {
	t.Parallel()
	forward := func(cursor queue.Seq, pending int64) map[string]queue.LaneStat {
		return map[string]queue.LaneStat{queue.LaneForward: {Cursor: cursor, Pending: pending}}
	}
	with := func(m map[string]queue.LaneStat, name string, cursor queue.Seq, pending int64) map[string]queue.LaneStat {
		m[name] = queue.LaneStat{Cursor: cursor, Pending: pending}
		return m
	}
	for name, tc := range map[string]struct {
		q    settledUpTo
		want queue.Seq
	}{
		"nothing was ever forwarded":                {settledUpTo{}, 0},
		"one lane":                                  {settledUpTo{lanes: forward(50, 0)}, 50},
		"it has more":                               {settledUpTo{lanes: forward(50, 3)}, 50},
		"an unusable message behind everything":     {settledUpTo{lanes: with(forward(50, 0), queue.LaneRefused, 53, 0)}, 53},
		"one that is pending":                       {settledUpTo{lanes: with(forward(50, 0), queue.LaneRefused, 40, 1)}, 40},
		"an id conflict, events pending before it":  {settledUpTo{lanes: with(forward(50, 9), queue.LaneConflict, 70, 0)}, 50},
		"the queue does not know all it has so far": {settledUpTo{lanes: with(forward(50, 0), queue.LaneRefused, 53, 0), opening: true}, 50},
	} {
		if got := Handed(tc.q); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// The copy of an unusable message that came after everything else had been forwarded counts as
// handed over, too.
func TestHandedUnusableLast(t *testing.T) {
	t.Parallel()
	q, err := local.Open(t.TempDir(), local.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for q.Stats().Opening {
		runtime.Gosched()
	}
	for _, lane := range []string{queue.LaneForward, queue.LaneRefused} {
		if _, err := q.Append(t.Context(), []queue.Entry{{ID: lane, Lanes: []string{lane, queue.LaneKept}, Received: time.Now(), Body: []byte(`{}`)}}); err != nil {
			t.Fatal(err)
		}
		b, err := q.Read(lane, 0, 10, 1<<20)
		if err != nil || len(b.Records) != 1 {
			t.Fatal(err, b.Records)
		}
		st, _ := q.Lane(lane)
		if _, err := q.Settle(lane, queue.Settlement{Revision: st.Revision, Settled: queue.UpTo(b.Records[0].Seq + 1)}); err != nil {
			t.Fatal(err)
		}
		if to := Handed(q); to <= b.Records[0].Seq {
			t.Errorf("%s: handed over before %d, its record is %d", lane, to, b.Records[0].Seq)
		}
	}
}
