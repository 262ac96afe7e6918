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

// Several chunks are in flight while enough is waiting to fill them. An event that is already in
// one of them is stored once, and is confirmed together with that chunk or not at all.
func TestChunksInFlight(t *testing.T) {
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
	call := func(name string, n int) (queue.Appended, error) { // of any size, with an id that every call of the round has
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
		t.Errorf("%d calls were confirmed without a majority", ok)
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
			t.Fatalf("%d calls were confirmed after the servers came back", ok)
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
			t.Errorf("%s was read %d times", id, n)
		}
	}
	if want := 2 * (8*12 + 1); len(seen) != want {
		t.Errorf("%d of %d were read", len(seen), want)
	}
}
