package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

// Several chunks are on their way while enough waits to fill them. An event that one of
// them has already is stored once, and is confirmed with that one, or not at all.
func TestChunksOnTheirWay(t *testing.T) {
	t.Parallel()
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	o := c.options("flying")
	o.AppendTimeout = 10 * time.Second
	l, err := openLog(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	body := bytes.Repeat([]byte("x"), 64<<10)
	call := func(name string, n int) (queue.Appended, error) { // as large as it likes, with an id that each of the round has
		es := []queue.Entry{{ID: name[:1], Lanes: []string{"a"}, Received: time.Now(), Body: body}}
		for i := range n {
			b := make([]byte, len(body))
			for k := range b {
				b[k] = byte(rand.Uint32())
			}
			es = append(es, queue.Entry{ID: fmt.Sprint(name, i), Lanes: []string{"a"}, Received: time.Now(), Body: b})
		}
		return l.Append(context.Background(), es)
	}
	round := func(name string) (stored, ok, failed int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for i := range 8 {
			wg.Go(func() {
				a, err := call(fmt.Sprint(name, "-", i, "-"), 12)
				mu.Lock()
				defer mu.Unlock()
				if stored += a.Stored; err == nil {
					ok++
				} else {
					failed++
				}
			})
		}
		wg.Wait()
		return stored, ok, failed
	}
	if stored, ok, _ := round("u"); ok != 8 || stored != 8*12+1 {
		t.Errorf("%d calls stored %d", ok, stored)
	}
	for i := 1; i < 3; i++ {
		c.kill(i)
	}
	if _, ok, failed := round("v"); ok != 0 || failed != 8 {
		t.Errorf("without a majority %d calls are confirmed", ok)
	}
	for i := 1; i < 3; i++ {
		c.start(i)
	}
	c.settled()
	for start := time.Now(); ; {
		_, ok, _ := round("v")
		if ok == 8 {
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("%d calls are confirmed when the servers are back", ok)
		}
	}
	seen := make(map[string]int)
	for at := jetstream.Position(0); ; {
		b, err := l.Read(t.Context(), "a", at, jetstream.Limit{Records: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			seen[r.ID]++
		}
		if at = b.Next; !b.More {
			break
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s is read %d times", id, n)
		}
	}
	if want := 2 * (8*12 + 1); len(seen) != want {
		t.Errorf("%d of %d are read", len(seen), want)
	}
}
