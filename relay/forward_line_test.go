package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowLine carries so many bytes a second towards a hub, over all connections together.
type slowLine struct {
	addr    string
	carried atomic.Int64
	first   atomic.Int64 // when the first byte was carried, Unix ns
	next    chan struct{}
}

const (
	lineBytes = 64_000 / 8 // a second
	linePiece = 200
)

func newSlowLine(t *testing.T, hub string) *slowLine {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &slowLine{addr: ln.Addr().String(), next: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // gives a piece at a time, at the pace of the line
		begin, n := time.Now(), 0
		for ctx.Err() == nil {
			select {
			case l.next <- struct{}{}:
			case <-ctx.Done():
			}
			if d := time.Until(begin.Add(time.Duration(n) * linePiece * time.Second / lineBytes)); d > 0 {
				time.Sleep(d)
			} else { // an idle line saves nothing up
				begin, n = time.Now(), 0
			}
			n++
		}
	}()
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go l.carry(ctx, in, hub)
		}
	}()
	t.Cleanup(func() { cancel(); ln.Close() })
	return l
}

func (l *slowLine) carry(ctx context.Context, in net.Conn, hub string) {
	defer in.Close()
	if c, ok := in.(*net.TCPConn); ok {
		_ = c.SetReadBuffer(128 << 10) // below two segments of the loopback interface the kernel stalls, not the line
	}
	out, err := new(net.Dialer).DialContext(ctx, "tcp", hub)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(in, out)
		in.Close()
		out.Close()
	}()
	b := make([]byte, linePiece)
	for {
		n, err := in.Read(b)
		if n > 0 {
			select {
			case <-l.next:
			case <-ctx.Done():
				return
			}
			l.first.CompareAndSwap(0, time.Now().UnixNano())
			l.carried.Add(int64(n))
			if _, err := out.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// TestForwardSlowLine: over 64 kbit/s a store's relay uses what the connection carries;
// and while it and its hub are killed at random everything arrives once.
func TestForwardSlowLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("half a minute")
	}
	events, chunk := 150, 50
	exam := os.Getenv("RELAY_EXAM") != ""
	if exam {
		events, chunk = 900, 300 // batch.max_events is 1000
	}
	hub, url := hubHome(t, "127.0.0.1:1", "")
	line := newSlowLine(t, strings.TrimPrefix(url, "http://"))
	edge := edgeHome(t, "http://"+line.addr, storeKey)
	edge.write(t, "relay.yaml", strings.Replace(edgeConfig("http://"+line.addr, storeKey), "max_events: 20", fmt.Sprint("max_events: ", chunk), 1))
	hp, ep := hub.start(t), edge.start(t)
	want := map[string]bool{}
	noise := rand.NewChaCha8([32]byte{7})
	send := func(prefix string, n int) {
		t.Helper()
		var pad [400]byte
		for i := range n {
			id := fmt.Sprint(prefix, i)
			want[id] = true
			noise.Read(pad[:])
			body := strings.Replace(order(id), `"properties":{`, fmt.Sprintf(`"properties":{"pad":"%x",`, pad), 1)
			if status, answer := post(t, ep.url+"/v1/track", body); status != 200 {
				t.Fatal(status, answer)
			}
		}
	}
	send("line-", events)
	eventually(t, "the store has handed over everything", func() bool { return len(queued(t, edge)) == 0 })
	took := time.Since(time.Unix(0, line.first.Load()))
	carried := line.carried.Load()
	// What is random of an event takes half of its hex digits; the rest packs well.
	least := int64(events * 400)
	used := float64(carried) / (took.Seconds() * lineBytes)
	useful := float64(least) / float64(carried)
	t.Logf("%d events in %s: %d bytes on the line, which carries %.0f: %.0f %%; %.0f %% of them are noise that no packing takes away",
		events, took.Round(100*time.Millisecond), carried, took.Seconds()*lineBytes, used*100, useful*100)
	if exam && (used < 0.9 || useful < 0.8) {
		t.Errorf("%.2f of the line is used, %.2f of that for events", used, useful)
	}

	send("kill-", 150)
	for i := range 5 {
		time.Sleep(time.Duration(500+rand.IntN(2500)) * time.Millisecond) // the nemesis' own time
		if i%2 == 0 {
			ep.kill(t)
			ep = edge.start(t)
		} else {
			hp.kill(t)
			hp = hub.start(t)
		}
		send(fmt.Sprintf("between-%d-", i), 5)
	}
	eventually(t, "the store has handed over everything, after the kills", func() bool { return len(queued(t, edge)) == 0 })
	got := queued(t, hub)
	for id := range want {
		if got[id] != 1 {
			t.Errorf("%s lies at the hub %d times", id, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d at the hub, want %d", len(got), len(want))
	}
	ep.stop(t)
	hp.stop(t)
}
