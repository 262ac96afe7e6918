package forward

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
	"relay/queue/local"
	"relay/relay/internal/track"
)

const set = "701000000000001"

// forgotten is a window of ids that is over at once.
const forgotten = time.Second

// testLog is a queue with what a test needs beside.
type testLog interface {
	Log
	PrintSecret() []byte
	Stats() queue.Stats
	Close() error
}

// engine is a kind of queue that a hub may have.
type engine struct {
	// open opens the queue of a directory, whose ids are remembered for window.
	open func(t *testing.T, dir string, window time.Duration) testLog
	// again opens it for another relay while one has it.
	again func(t *testing.T, was testLog, dir string, window time.Duration) testLog
}

// eachEngine runs a test on the queue of a directory, and where RELAY_TEST_NATS names three
// servers as "URL,URL,URL,MONITOR,MONITOR,MONITOR" on those: queue/jetstream/clustertest runs it so.
func eachEngine(t *testing.T, fn func(t *testing.T, e engine)) {
	t.Helper()
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		fn(t, engine{openLocal, func(_ *testing.T, was testLog, _ string, _ time.Duration) testLog { return was }})
	})
	if servers := strings.Split(os.Getenv("RELAY_TEST_NATS"), ","); len(servers) == 6 {
		t.Run("nats", func(t *testing.T) {
			open := func(t *testing.T, dir string, window time.Duration) testLog {
				return openNATS(t, servers, dir, window)
			}
			fn(t, engine{open, func(t *testing.T, _ testLog, dir string, window time.Duration) testLog { return open(t, dir, window) }})
		})
	}
}

func openLocal(t *testing.T, dir string, window time.Duration) testLog {
	t.Helper()
	o := local.Options{NoSync: true, MaxSize: 64 << 20, DedupWindow: window}
	if window == forgotten {
		o.DedupWindow, o.DedupIDs = time.Nanosecond, 1
	}
	q, err := local.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func openNATS(t *testing.T, servers []string, dir string, window time.Duration) testLog {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		l, err := jetstream.Open(ctx, jetstream.Options{
			URLs: servers[:3], Monitor: servers[3:], Name: fmt.Sprintf("h%x", sha256.Sum256([]byte(dir)))[:13],
			MaxSize: 24 << 20, DeadMaxSize: 2 << 20, DedupWindow: window, SaleWindow: window,
		})
		if err == nil {
			q := jetstream.NewQueue(l)
			t.Cleanup(func() { _ = q.Close() })
			return q
		}
		if errors.Is(err, jetstream.ErrSetup) || ctx.Err() != nil {
			t.Fatal(err)
		}
		wait(ctx, 100*time.Millisecond, nil)
	}
}

// hub is a hub on the queue of dir, ready to take chunks.
func (e engine) hub(t *testing.T, dir string, window time.Duration) (*Hub, testLog) {
	t.Helper()
	q := e.open(t, dir, window)
	return hubOn(t, q, nil), q
}

// hubs are those of two relays on one queue, of which the first delivers.
func (e engine) hubs(t *testing.T, window time.Duration) (a, b *Hub, qa, qb testLog) {
	t.Helper()
	dir := t.TempDir()
	qa = e.open(t, dir, window)
	qb = e.again(t, qa, dir, window)
	return hubOn(t, qa, func() bool { return true }), hubOn(t, qb, func() bool { return false }), qa, qb
}

func hubOn(t *testing.T, q testLog, delivers func() bool) *Hub {
	t.Helper()
	h := NewHub(HubOptions{
		Log: q, FingerprintKey: track.NewFingerprintKey(q.PrintSecret()), Event: 64 << 10, Now: time.Now, Delivers: delivers,
		Look: func(lines []string) Look { return holds(lines[0]) },
		Route: func(event string) []string {
			if event == "Order Completed" {
				return []string{set}
			}
			return nil
		},
	})
	if err := h.recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.ready.Store(true)
	return h
}
