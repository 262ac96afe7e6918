package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
)

// hubPost is what a simulated store sends with.
type hubPost struct{ url string }

var storeClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 512}}

func (p hubPost) Post(ctx context.Context, path, contentType, bearer string, body []byte) graph.Posted {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, bytes.NewReader(body))
	if err != nil {
		return graph.Posted{Err: err.Error()}
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := storeClient.Do(req)
	if err != nil {
		return graph.Posted{Err: err.Error(), Upload: graph.UploadWhole}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return graph.Posted{Err: err.Error(), Upload: graph.UploadWhole}
	}
	return graph.Posted{Status: resp.StatusCode, Header: resp.Header, Body: b, Upload: graph.UploadWhole}
}

type memNotes map[string][]byte

func (n memNotes) SetNote(key string, val []byte) error { n[key] = val; return nil }
func (n memNotes) Note(key string) []byte               { return n[key] }

// simulatedStore is the protocol of a store's relay without its queue.
func simulatedStore(t *testing.T, url, key string) *forward.Client {
	t.Helper()
	e, err := forward.OpenEpochs(memNotes{}, 1<<32)
	if err != nil {
		t.Fatal(err)
	}
	return forward.NewClient(forward.ClientOptions{
		Post: hubPost{url}, Key: func() string { return key }, Epochs: e, Version: "test",
		State: func() forward.State { return forward.State{} }, Forget: func(context.Context, *forward.Forget) error { return nil },
	})
}

// chunkOf is what a store has in n numbers from from on; ids of stores are the same.
func chunkOf(from, n int) queue.Batch {
	b := queue.Batch{From: 1<<32 + queue.Seq(from), Next: 1<<32 + queue.Seq(from+n)}
	for i := range n {
		id := fmt.Sprint("e-", from+i)
		b.Records = append(b.Records, queue.Record{Seq: b.From + queue.Seq(i), ID: id, Received: time.Now(), Body: []byte(order(id))})
	}
	return b
}

func storesConfig(hub home, t *testing.T, stores int) {
	t.Helper()
	var keys strings.Builder
	for i := range stores {
		fmt.Fprintf(&keys, "{ key: key-of-simulated-%04d, store: \"s%04d\" }, ", i, i)
	}
	src := strings.Replace(read(t, hub.path("relay.yaml")), "keys: [", "keys: [{ key: key-of-no-store-but-all, events: [Order Completed] }, "+keys.String(), 1)
	hub.write(t, "relay.yaml", strings.Replace(src, "segment_size: 1MiB", "segment_size: 16MiB", 1))
}

// TestForwardManyStores: stores that were cut off come back together, to a hub that is
// killed meanwhile. They send in doubt what they sent before, back off as it says, and
// none waits much longer than the others; nothing is lost, nothing lies there twice.
func TestForwardManyStores(t *testing.T) {
	stores, chunks, events := 250, 5, 40
	switch {
	case testing.Short():
		stores = 50
	case os.Getenv("RELAY_EXAM") != "":
		stores = 1000
	}
	hub, url := hubHome(t, "127.0.0.1:1", "")
	storesConfig(hub, t, stores)
	hp := hub.start(t)
	start := time.Now()
	took := make([]time.Duration, stores)
	refused := make([]int, stores)
	var wg sync.WaitGroup
	for i := range stores {
		c := simulatedStore(t, url, fmt.Sprintf("key-of-simulated-%04d", i))
		wg.Go(func() {
			for n, failures := 0, 0; n < chunks; {
				b := chunkOf(n*events, events)
				_, _, r := c.Forward(t.Context(), queue.LaneForward, b, int64((chunks-n)*events))
				if r.Class == graph.Delivered {
					failures = 0
					if rand.IntN(5) > 0 { // else the answer was lost, and it comes again
						n++
					}
					continue
				}
				if t.Context().Err() != nil || time.Since(start) > 4*time.Minute {
					return
				}
				refused[i]++
				failures++
				wait := time.Duration(rand.Float64() * float64(min(50*time.Millisecond<<min(failures, 8), 5*time.Second)))
				time.Sleep(max(wait, r.RetryAfter+time.Duration(rand.Float64()*float64(r.RetryAfter)/2))) // as drain does
			}
			took[i] = time.Since(start)
		})
	}
	time.Sleep(time.Second)
	hp.kill(t)
	hp = hub.start(t)
	wg.Wait()
	sorted := slices.Sorted(slices.Values(took))
	all := 0
	for _, n := range refused {
		all += n
	}
	t.Logf("%d stores: the first done after %s, half after %s, the last after %s; %d calls refused or unanswered", stores,
		sorted[0].Round(time.Millisecond), sorted[stores/2].Round(time.Millisecond), sorted[stores-1].Round(time.Millisecond), all)
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", hp.cmd.Process.Pid)); err == nil { // Linux
		_, peak, _ := strings.Cut(string(b), "VmHWM:")
		peak, _, _ = strings.Cut(peak, "\n")
		t.Logf("the hub's memory at most: %s", strings.TrimSpace(peak))
	}
	if sorted[0] == 0 {
		t.Fatal("a store was never done")
	}
	if last := sorted[stores-1]; last > 5*time.Minute || last > 20*sorted[stores/2]+10*time.Second {
		t.Errorf("a store starves: %s", last)
	}
	out, err := relayCommand(t.Context(), "queue", "export", "--config", hub.path("relay.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var x struct {
			MessageID string `json:"message_id"`
			Store     string `json:"store"`
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		got[x.Store+":"+x.MessageID]++
	}
	lost, double := 0, 0
	for i := range stores {
		for n := range chunks * events {
			switch got[fmt.Sprintf("s%04d:e-%d", i, n)] {
			case 0:
				lost++
			case 1:
			default:
				double++
			}
		}
	}
	if lost+double > 0 || len(got) != stores*chunks*events {
		t.Errorf("%d lost, %d double, %d at the hub", lost, double, len(got))
	}
	hp.stop(t)
}

// TestForwardThroughput compares what a hub takes by /v1/forward with what it takes by
// /v1/batch: as many clients, events and events a call, in turn, in one run. A chunk is
// unpacked, judged and stored with its numbers; it has to cost about what a batch does.
func TestForwardThroughput(t *testing.T) {
	if os.Getenv("RELAY_EXAM") == "" {
		t.Skip("RELAY_EXAM is not set")
	}
	const clients, calls, events = 16, 100, 100
	hub, url := hubHome(t, "127.0.0.1:1", "")
	storesConfig(hub, t, clients)
	hp := hub.start(t)
	// What is sent is made before the time is taken: the clients share the machine.
	round := func(n int, path, contentType string, key func(client int) string, body func(client, from int) []byte) float64 {
		var bodies [clients][calls][]byte
		for c := range clients {
			for k := range calls {
				bodies[c][k] = body(c, (n*calls+k)*events)
			}
		}
		start := time.Now()
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for _, b := range bodies[c] {
					for {
						p := hubPost{url}.Post(t.Context(), path, contentType, key(c), b)
						if p.Status == http.StatusOK {
							break
						}
						if p.Status != http.StatusTooManyRequests {
							t.Errorf("%s: %d: %s", path, p.Status, p.Body)
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		return clients * calls * events / time.Since(start).Seconds()
	}
	byForward := func(_, from int) []byte {
		b := chunkOf(from, events)
		c := forward.Chunk{Epoch: forward.Epoch{1}, From: b.From, To: b.Next, Records: b.Records}
		return c.Append(nil)
	}
	direct := func(c, from int) []byte {
		var b strings.Builder
		b.WriteString(`{"batch":[`)
		for i := range events {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(order(fmt.Sprintf("d-%d-%d", c, from+i)))
		}
		b.WriteString("]}")
		return []byte(b.String())
	}
	all := func(int) string { return "key-of-no-store-but-all" }
	own := func(c int) string { return fmt.Sprintf("key-of-simulated-%04d", c) }
	var ratios []float64
	for n := range 7 {
		d := round(n, "/v1/batch", "application/json", all, direct)
		f := round(n, forward.Path, forward.ContentType, own, byForward)
		t.Logf("round %d: %.0f events/s by /v1/batch, %.0f by /v1/forward: %.2f", n, d, f, f/d)
		if n > 0 {
			ratios = append(ratios, f/d)
		}
	}
	slices.Sort(ratios)
	if m := ratios[len(ratios)/2]; m < 0.8 {
		t.Errorf("the median of the ratios is %.2f", m)
	}
	hp.stop(t)
}
