package clustertest

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"relay/queue"
	"relay/queue/jetstream"
)

// What another relay has removed, since it is settled everywhere, is in no forget's way.
func TestForgetWhatIsRemoved(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	a, b := c.opened(t, "removed"), jetstream.NewQueue(c.opened(t, "removed"))
	nc, err := nats.Connect(c.urls[0])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
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
