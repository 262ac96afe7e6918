package local

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/internal/disk"
	"relay/queue/local/directory"
)

// sampler renders a till's events of about 1.2 KB each, random enough to compress like real ones.
type sampler struct {
	r    *rand.Rand
	n    int
	conn int
}

func (s *sampler) word(n int) string {
	b := make([]byte, 0, 2*n)
	for range n {
		b = append(b, "bcdfghjklmnprstvwz"[s.r.IntN(18)], "aeiou"[s.r.IntN(5)])
	}
	return string(b)
}

func (s *sampler) next() (string, []byte) {
	r := s.r
	s.n++
	id := fmt.Sprintf("%08x-%04x-4000-8000-%012x", r.Uint32(), s.conn, s.n)
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	var products []any
	for range 1 + r.IntN(3) {
		products = append(products, map[string]any{"product_id": fmt.Sprintf("sku-%05d", r.IntN(5000)), "quantity": 1 + r.IntN(4), "price": float64(99+r.IntN(9900)) / 100})
	}
	value := float64(199+r.IntN(40000)) / 100
	b, err := json.Marshal(map[string]any{
		"type": "track", "event": []string{"Order Completed", "Product Added", "Checkout Started", "Product Viewed"}[r.IntN(4)], "messageId": id,
		"anonymousId": fmt.Sprintf("%08x-%04x-4e0d-8a77-%012x", r.Uint32(), r.IntN(1<<16), r.Uint64()&(1<<48-1)),
		"userId":      fmt.Sprintf("user-%07d", r.IntN(1e7)), "timestamp": now, "sentAt": now,
		"integrations": map[string]any{"All": true},
		"context": map[string]any{
			"ip": fmt.Sprintf("203.0.113.%d", r.IntN(250)+1), "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "locale": "en-US",
			"library": map[string]any{"name": "analytics.js", "version": "2.11.1"},
			"page":    map[string]any{"url": fmt.Sprintf("https://shop.example.com/checkout/thank-you?order=%d", r.IntN(1e6)), "path": "/checkout/thank-you", "title": "Thank you for your order"},
			"traits": map[string]any{
				"email": fmt.Sprintf("%s.%s%d@example.com", s.word(3), s.word(3), r.IntN(100)), "phone": fmt.Sprintf("+1 (%d) 555-%04d", 201+r.IntN(700), r.IntN(10000)),
				"firstName": s.word(3), "lastName": s.word(4), "address": map[string]any{"city": s.word(4), "state": "CA", "postalCode": fmt.Sprintf("%05d", 10000+r.IntN(89999)), "country": "US"},
			},
		},
		"properties": map[string]any{
			"order_id": fmt.Sprintf("ord-%d", r.IntN(9e8)), "value": value, "revenue": value, "currency": "USD", "coupon": fmt.Sprintf("SUMMER%02d", r.IntN(40)),
			"fbp": fmt.Sprintf("fb.1.%d.%d", r.Int64N(1e12), r.Int64N(1e10)), "products": products,
		},
	})
	if err != nil {
		panic(err)
	}
	return id, b
}

// samples is a pool of rendered events whose ids are replaced in place, so that rendering is not
// measured.
type samples struct {
	bodies [][]byte
	at     []int
	ids    []string
}

var poolOnce = sync.OnceValue(func() *samples {
	p := &samples{}
	s := sampler{r: rand.New(rand.NewPCG(1, 2))}
	for range 4096 {
		id, b := s.next()
		p.bodies = append(p.bodies, b)
		p.ids = append(p.ids, id)
	}
	for i, b := range p.bodies {
		p.at = append(p.at, indexOf(b, p.ids[i]))
	}
	return p
})

func indexOf(b []byte, s string) int {
	for i := range b {
		if len(b)-i >= len(s) && string(b[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

func (p *samples) entry(buf []byte, conn, n int, lanes []string) Entry {
	i := (conn*977 + n) % len(p.bodies)
	buf = append(buf[:0], p.bodies[i]...)
	id := buf[p.at[i] : p.at[i]+36]
	const hex = "0123456789abcdef"
	for k, v := 35, n; k > 23; k, v = k-1, v>>4 {
		id[k] = hex[v&15]
	}
	for k, v := 12, conn; k > 8; k, v = k-1, v>>4 {
		id[k] = hex[v&15]
	}
	copy(id, "deadbeef")
	return Entry{ID: string(id), Lanes: lanes, Received: time.Now(), Body: buf}
}

func diskUsage(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, fi os.FileInfo, err error) error {
		if err == nil && !fi.IsDir() && fi.Name() != directory.Reserve {
			n += disk.Used(fi)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func benchAppend(b *testing.B, producers, per int, o Options) {
	pool := poolOnce()
	dir := b.TempDir()
	o.MaxSize = 1 << 36
	if v, err := disk.VolumeOf(dir); err == nil {
		o.MaxSize = min(o.MaxSize, v.Size)
	}
	q := openTest(b, dir, o)
	lanes := []string{"701000000000001"}
	var next atomic.Int64
	var bytes atomic.Int64
	b.ResetTimer()
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			es := make([]Entry, per)
			bufs := make([][]byte, per)
			size := 0
			for i := 0; next.Add(int64(per)) <= int64(b.N+per-1); i += per {
				for j := range es {
					es[j] = pool.entry(bufs[j], p, i+j, lanes)
					bufs[j] = es[j].Body
					size += len(es[j].Body)
				}
				if _, err := q.Append(b.Context(), es); err != nil {
					b.Error(err)
					return
				}
			}
			bytes.Add(int64(size))
		})
	}
	wg.Wait()
	b.StopTimer()
	st := q.Stats()
	b.ReportMetric(float64(st.Appended)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(st.Commits)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(st.SyncP99.Microseconds())/1000, "syncp99-ms")
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(diskUsage(b, dir))/float64(bytes.Load()), "disk/byte")
}

func BenchmarkAppend(b *testing.B) {
	for _, p := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("producers=%d", p), func(b *testing.B) { benchAppend(b, p, 1, Options{}) })
	}
	b.Run("producers=64/per=100", func(b *testing.B) { benchAppend(b, 64, 100, Options{}) })
	b.Run("producers=256/nosync", func(b *testing.B) { benchAppend(b, 256, 1, Options{NoSync: true}) })
}

// BenchmarkDrain reads and settles records in batches.
func BenchmarkDrain(b *testing.B) {
	for _, most := range []int{100, 1000} {
		b.Run(fmt.Sprintf("records=%d", most), func(b *testing.B) { benchDrain(b, most) })
	}
}

func benchDrain(b *testing.B, most int) {
	pool := poolOnce()
	q := openTest(b, b.TempDir(), Options{NoSync: true})
	lanes := []string{"701000000000001"}
	for at := 0; at < b.N; at += 100 {
		es := make([]Entry, min(100, b.N-at))
		for i := range es {
			es[i] = pool.entry(nil, 0, at+i, lanes)
		}
		if _, err := q.Append(b.Context(), es); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for n := 0; n < b.N; {
		got, err := q.Read(lanes[0], 0, most, 0)
		if err != nil || len(got.Records) == 0 {
			b.Fatalf("%d of %d are read: %v", n, b.N, err)
		}
		if _, err := q.Settle(lanes[0], Settlement{Settled: upto(got.Next), Counts: map[string]int{"delivered": len(got.Records)}}); err != nil {
			b.Fatal(err)
		}
		n += len(got.Records)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
