package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// cutter passes on what a store's relay sends to its hub, and has the hub killed at
// chunks of its choice, counted from arm on: before the hub has seen one, or when it has
// answered and nobody has heard that.
type cutter struct {
	hub         string
	kill        func() // kills the hub and starts it again
	mu          sync.Mutex
	armed       bool
	chunks      int
	before, now map[int]bool // numbers of chunks
}

func (c *cutter) arm() { c.mu.Lock(); c.armed = true; c.mu.Unlock() }

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c.mu.Lock()
	n := 0
	if c.armed && !bytes.HasPrefix(body, []byte("{")) { // a call that hands over nothing is JSON
		c.chunks++
		n = c.chunks
	}
	c.mu.Unlock()
	if c.before[n] {
		c.kill()
		panic(http.ErrAbortHandler)
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, c.hub+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.now[n] {
		c.kill()
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// TestForwardReplayOverKills: the hub is killed in the middle of a replay, before it has
// a chunk and after it has stored one whose answer is lost. One run of the command ends
// all the same; nothing is lost, nothing lies at the hub twice.
func TestForwardReplayOverKills(t *testing.T) {
	t.Parallel()
	hub, url := hubHome(t, "127.0.0.1:1", "")
	hp := hub.start(t)
	cut := &cutter{hub: url, before: map[int]bool{2: true}, now: map[int]bool{4: true}}
	cut.kill = func() { hp.kill(t); hp = hub.start(t) }
	line := httptest.NewServer(cut)
	defer line.Close()
	edge := edgeHome(t, line.URL, storeKey)
	edge.write(t, "relay.yaml", strings.Replace(edgeConfig(line.URL, storeKey), "key: "+storeKey, "key: "+storeKey+", keep: 24h", 1))
	ep := edge.start(t)
	const events = 120
	noise := rand.NewChaCha8([32]byte{9})
	pad := make([]byte, 10<<10)
	for i := range events {
		noise.Read(pad)
		body := strings.Replace(order(fmt.Sprint("kept-", i)), `"properties":{`, fmt.Sprintf(`"properties":{"pad":"%x",`, pad), 1)
		if status, answer := post(t, ep.url+"/v1/track", body); status != 200 {
			t.Fatal(status, answer)
		}
	}
	eventually(t, "the store has handed over everything", func() bool { return len(queued(t, edge)) == 0 })
	hp.kill(t)
	if err := os.RemoveAll(hub.path("data")); err != nil {
		t.Fatal(err)
	}
	hp = hub.start(t)

	cut.arm()
	out, code := edge.command(t, "forward", "replay", "--config", edge.path("relay.yaml"))
	if code != 0 || !strings.Contains(out, "the hub did not answer for a while") {
		t.Errorf("%d: %s", code, out)
	}
	if cut.chunks < 5 {
		t.Errorf("the replay took %d chunks: it was not cut in its middle", cut.chunks)
	}
	got := queued(t, hub)
	for i := range events {
		if id := fmt.Sprint("kept-", i); got[id] != 1 {
			t.Errorf("%s lies at the hub %d times", id, got[id])
		}
	}
	if len(got) != events {
		t.Errorf("%d at the hub, want %d", len(got), events)
	}
	out, code = edge.command(t, "forward", "replay", "--dry-run", "--config", edge.path("relay.yaml"))
	if want := fmt.Sprintf("%d copies are kept here; the hub lacks 0 of them", events); code != 0 || !strings.Contains(out, want) {
		t.Errorf("%d: %s, want %q", code, out, want)
	}
	ep.stop(t)
	hp.stop(t)
}
