package clustertest

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue"
	"relay/queue/jetstream"
)

// sale is an event of about 1.2 KB, as a till sends it.
func sale(id string) []byte {
	r := rand.IntN
	out := fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":%q,"userId":"cust-%d","timestamp":"2026-11-%02dT%02d:%02d:%02d.000Z","context":{"library":{"name":"analytics-node","version":"2.1.3"},"traits":{"email":"person%d@example.com","phone":"+1 555 01%02d","firstName":"Ada","lastName":"Example","address":{"city":"Springfield","state":"IL","postalCode":"62704","country":"US"}}},"properties":{"order_id":"%d","revenue":%d.%02d,"currency":"USD","products":[`,
		id, r(100000), 1+r(28), r(24), r(60), r(60), r(100000), r(100), rand.Uint32(), r(500), r(100))
	for i := range 4 {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"product_id":"sku-%05d","name":"Example product %d","category":"Clothing","brand":"Example","price":%d.%02d,"quantity":%d}`, r(20000), r(20000), r(200), r(100), 1+r(3))
	}
	return append(out, `]},"integrations":{"All":true}}`...)
}

// TestFigures compares the engine with plain publishing of one message per event, in one run. It
// runs only with RELAY_FIGURES=1.
func TestFigures(t *testing.T) {
	if os.Getenv("RELAY_FIGURES") == "" {
		t.Skip("RELAY_FIGURES=1 measures")
	}
	dirs := [3]string{t.TempDir(), t.TempDir(), t.TempDir()}
	c := startNodesBy(t, true, dirs, false)
	o := c.options("q")
	o.MaxSize = 3 << 30
	var l *jetstream.Log
	for start := time.Now(); l == nil; {
		var err error
		if l, err = jetstream.Open(t.Context(), o); err != nil && time.Since(start) > time.Minute {
			t.Fatal(err)
		}
	}
	defer l.Close()
	c.spread("q")
	js := natsStreams(t, o.URLs[0], nats.PublishAsyncMaxPending(4000))
	if _, err := js.AddStream(&nats.StreamConfig{Name: "each", Subjects: []string{"each"}, Replicas: 3, Storage: nats.FileStorage}); err != nil {
		t.Fatal(err)
	}
	const each = 2 * time.Second
	var id atomic.Int64
	sales := make([][]byte, 4000) // made in advance: they cost both the same
	for i := range sales {
		sales[i] = sale(fmt.Sprint("m", i))
	}
	body := func(n int64) []byte { return sales[n%int64(len(sales))] }
	engine := func(producers, n int) float64 {
		ctx, cancel := context.WithTimeout(t.Context(), each)
		defer cancel()
		var done atomic.Int64
		var wg sync.WaitGroup
		for range producers {
			wg.Go(func() {
				for ctx.Err() == nil {
					var es []queue.Entry
					for range n {
						k := id.Add(1)
						es = append(es, queue.Entry{ID: fmt.Sprint("m", k), Lanes: []string{"a"}, Received: time.Now(), Body: body(k)})
					}
					if _, err := l.Append(context.WithoutCancel(ctx), es); err != nil {
						t.Errorf("append: %v", err)
						return
					}
					done.Add(int64(n))
				}
			})
		}
		wg.Wait()
		return float64(done.Load()) / each.Seconds()
	}
	perEvent := func(producers, n int) float64 {
		ctx, cancel := context.WithTimeout(t.Context(), each)
		defer cancel()
		var done atomic.Int64
		var wg sync.WaitGroup
		for range producers {
			wg.Go(func() {
				for ctx.Err() == nil {
					var acks []nats.PubAckFuture
					for range n {
						k := id.Add(1)
						a, err := js.PublishAsync("each", body(k), nats.MsgId(fmt.Sprint("m", k)))
						if err != nil {
							t.Errorf("publish: %v", err)
							return
						}
						acks = append(acks, a)
					}
					for _, a := range acks {
						select {
						case <-a.Ok():
							done.Add(1)
						case err := <-a.Err():
							t.Errorf("publish: %v", err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		return float64(done.Load()) / each.Seconds()
	}
	engine(64, 100) // until the leaders are known
	for _, load := range [][2]int{{64, 100}, {64, 1}, {256, 1}} {
		var a, b []float64
		for range 3 { // alternating, because the machine may be busy
			a, b = append(a, engine(load[0], load[1])), append(b, perEvent(load[0], load[1]))
		}
		t.Logf("%d producers, %d per request: %.0f events/s, one message per event %.0f: %.1f times (per round: %.1f %.1f %.1f)",
			load[0], load[1], sum(a)/3, sum(b)/3, sum(a)/sum(b), a[0]/b[0], a[1]/b[1], a[2]/b[2])
	}
	lanes, err := l.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events of %d bytes are pending; a server's disk holds %.3f bytes per byte of event", lanes[0].Pending, lanes[0].Bytes/lanes[0].Pending, float64(sizeOf(t, dirs[0]))/float64(lanes[0].Bytes))
	l.Close()
	start := time.Now()
	if l, err = jetstream.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Logf("opened in %v", time.Since(start).Round(time.Millisecond))
	start, read := time.Now(), 0
	for at := jetstream.Position(0); ; {
		b, err := l.Read(t.Context(), "a", at, jetstream.Limit{Records: 1000})
		if err != nil {
			t.Fatal(err)
		}
		read += len(b.Records)
		if at = b.Next; !b.More {
			break
		}
	}
	t.Logf("one lane read at %.0f events/s", float64(read)/time.Since(start).Seconds())
}

func sum(all []float64) (out float64) {
	for _, x := range all {
		out += x
	}
	return out
}

// sizeOf is the size of the log's streams on a server's disk, including their Raft logs.
func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.IsDir() && d.Name() == "each" {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err == nil && filepath.Base(filepath.Dir(filepath.Dir(path))) != "each" {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
