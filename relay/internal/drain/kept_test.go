package drain

import (
	"fmt"
	"log/slog"
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
