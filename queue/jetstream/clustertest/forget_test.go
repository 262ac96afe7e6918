package clustertest

import (
	"fmt"
	"testing"

	"relay/queue"
	"relay/queue/jetstream"
)

// A chunk that another relay removed, because every lane has settled it, does not make a forget
// fail.
func TestForgetRemovedChunks(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	a, b := c.opened(t, "removed"), jetstream.NewQueue(c.opened(t, "removed"))
	js := natsStreams(t, c.urls[0])
	for n := range 5 {
		for i := range 30 {
			appendIDs(t, a, fmt.Sprint("m", n, "-", i))
		}
		eventually(t, "the other one does not see it", func() bool { return len(listed(t, b, "a")) == 30 })
		batch, err := b.Read("a", 0, 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Settle("a", queue.Settlement{Settled: batch.RangesExcept(func(int) bool { return false })}); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := js.PurgeStream(fmt.Sprint("removed-", i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Forget(queue.Forget{Record: func(*queue.Record) bool { return false }}); err != nil {
			t.Fatal(err)
		}
	}
}
