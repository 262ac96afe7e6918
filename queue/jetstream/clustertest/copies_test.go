package clustertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

// Two replicas accept the same event at once, without knowing of each other. One of the copies is
// read, whichever replica reads, and none is lost because the replicas disagree about which one.
func TestCopies(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	a, b := c.opened(t, "copies"), c.opened(t, "copies")
	const rounds = 60
	stored := 0
	var mu sync.Mutex
	got := make(map[string]int)
	drain := func(l *jetstream.Log) {
		for {
			lanes, err := l.Lanes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			batch, err := l.Read(t.Context(), "a", 0, jetstream.Limit{Records: 7})
			if err != nil {
				t.Fatal(err)
			}
			if len(batch.Records) == 0 {
				return
			}
			s := queue.Settlement{ID: rand.Uint64(), Revision: lanes[0].Revision, Settled: batch.Covers}
			if more := len(batch.Records) > 3; more { // part of one record, nothing of the last one
				last := batch.Records[len(batch.Records)-1]
				s.Settled = nil
				for _, r := range batch.Records[:len(batch.Records)-1] {
					s.Settled = append(s.Settled, queue.Range{From: r.Seq, To: r.Seq + 1})
				}
				s.Parts = []queue.Part{{Seq: last.Seq, Slots: 1}}
				batch.Records = batch.Records[:len(batch.Records)-1]
			}
			if _, err := l.Settle(t.Context(), "a", s); err != nil {
				t.Fatal(err)
			}
			for _, r := range batch.Records {
				got[r.ID]++
			}
		}
	}
	for n := range rounds {
		var wg sync.WaitGroup
		for _, l := range []*jetstream.Log{a, b} {
			wg.Go(func() {
				var entries []queue.Entry
				for i := range 3 {
					id := fmt.Sprint(n, "-", i)
					entries = append(entries, queue.Entry{ID: id, Lanes: []string{"a"}, Received: time.Now(), Body: []byte(`{"messageId":"` + id + `"}`)})
				}
				out, err := l.Append(t.Context(), entries)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				stored += out.Stored
				mu.Unlock()
			})
		}
		wg.Wait()
		if n%5 == 4 { // the other replica reads
			l := c.opened(t, "copies")
			drain(l)
			if n%2 == 0 {
				l.Close()
			}
		}
	}
	time.Sleep(2 * time.Second)
	l := c.opened(t, "copies")
	drain(l)
	for _, l := range []*jetstream.Log{a, b} {
		soon(t, "a replica waits for what is settled", func() bool { ids, _ := waiting(t, l); return len(ids) == 0 })
	}
	for n := range rounds {
		for i := range 3 {
			if id := fmt.Sprint(n, "-", i); got[id] != 1 {
				t.Errorf("%s was read and settled %d times", id, got[id])
			}
		}
	}
	if stored == rounds*3 {
		t.Error("no event was stored twice, so nothing was tested")
	}
	t.Logf("%d of %d events were stored twice", stored-rounds*3, rounds*3)
}
