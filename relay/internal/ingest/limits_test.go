package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"relay/queue"
)

// Many clients that hold connections and do nothing keep nobody out.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	url, _, _ := start(t, Options{}, ServerOptions{MaxConnections: 40})
	for range 200 {
		dial(t, strings.TrimPrefix(url, "http://"))
	}
	served(t, url)
}

// When every connection is working, new ones are answered 429, and those far over the limit are
// closed.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	entered, goOn := make(chan struct{}, 100), make(chan struct{})
	m := &memory{before: func(context.Context) error {
		entered <- struct{}{}
		<-goOn
		return nil
	}}
	url, _, _ := start(t, Options{Queue: m}, ServerOptions{MaxConnections: 8})
	addr := strings.TrimPrefix(url, "http://")
	var busy []net.Conn
	for i := range 8 {
		c := dial(t, addr)
		body := fmt.Sprintf(`{"event":"Order Completed","messageId":"%d"}`, i)
		_, _ = fmt.Fprintf(c, head+"Content-Length: %d\r\n\r\n%s", len(body), body)
		<-entered
		busy = append(busy, c)
	}
	a := raw(t, addr, head+"Content-Length: ", order)
	checkFailure(t, []byte(a.body), "too_many_connections")
	if a.status != 429 || a.header.Get("Retry-After") == "" || !a.close {
		t.Errorf("%d %v", a.status, a.header)
	}
	close(goOn)
	for _, c := range busy {
		if a := read(t, c); a.status != 200 {
			t.Errorf("a working connection: %d", a.status)
		}
	}
	served(t, url)
}

func TestRate(t *testing.T) {
	t.Parallel()
	url, _, m := start(t, Options{RequestsPerSecond: 0.001, Burst: 3}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	for range 3 {
		if a := raw(t, addr, head+"Content-Length: ", order); a.status != 200 {
			t.Fatalf("within the burst: %d", a.status)
		}
	}
	a := raw(t, addr, head+"Content-Length: ", order)
	checkFailure(t, []byte(a.body), "rate_limited")
	if a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if len(m.take()) != 1 {
		t.Error("want one stored event")
	}
}

// A queue that does not answer costs each client the append timeout and a 503, and its buffers
// are not reused.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	m := &memory{before: func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("append: %w", ctx.Err())
	}}
	url, h, _ := start(t, Options{Queue: m, AppendTimeout: 30 * time.Millisecond}, ServerOptions{})
	a := raw(t, strings.TrimPrefix(url, "http://"), head+"Content-Length: ", order)
	checkFailure(t, []byte(a.body), "storage_timeout")
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	m.mu.Lock()
	m.before = nil
	m.mu.Unlock()
	served(t, url)
	noneLent(t, h)
}

// While stopping, requests in progress are finished and new ones get 503.
func TestStop(t *testing.T) {
	t.Parallel()
	entered, goOn := make(chan struct{}), make(chan struct{})
	m := &memory{before: func(context.Context) error {
		close(entered)
		<-goOn
		return nil
	}}
	h, err := New(Options{Queue: m, Route: routes})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(ServerOptions{Handler: h, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	addr := s.Addrs()[0].String()
	inside := dial(t, addr)
	_, _ = fmt.Fprintf(inside, head+"Content-Length: %d\r\n\r\n%s", len(order), order)
	<-entered
	cancel()
	for !h.gate.closed.Load() { // Run has been cancelled, but has not closed the gate yet
		select {
		case err := <-done:
			t.Fatalf("Run returned with a request in progress: %v", err)
		default:
		}
	}
	a := raw(t, addr, head+"Content-Length: ", order)
	checkFailure(t, []byte(a.body), "stopping")
	if a.status != 503 || a.header.Get("Retry-After") == "" || !a.close {
		t.Errorf("a new request: %d %v", a.status, a.header)
	}
	close(goOn)
	if a := read(t, inside); a.status != 200 {
		t.Errorf("the request in progress: %d", a.status)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still listening")
	}
	if len(m.take()) != 1 {
		t.Error("want one stored event")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestObservations(t *testing.T) {
	t.Parallel()
	seen := &seenMetrics{}
	url, h, m := start(t, Options{Metrics: seen}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	body := `{"batch":[` + order + `,` + order + `,{"type":"track","event":"Till Opened"},{"type":"page"},{"type":"track"}]}`
	raw(t, addr, "POST /v1/batch HTTP/1.1\nHost: localhost\nX-Retry-Count: 3\nContent-Length: ", body)
	raw(t, addr, "POST /v1/nothing HTTP/1.1\nHost: localhost\nContent-Length: ", "")
	m.refuse(errors.Join(queue.ErrUnavailable))
	raw(t, addr, head+"Content-Length: ", order)
	noneLent(t, h)
	want := []Observation{
		{Route: "batch", Status: 200, Bytes: len(body), Stored: 3, Duplicates: 1, Unmapped: 1, Ignored: 1, Rejected: 1, Retry: 3},
		{Route: "other", Status: 404, Code: "not_found"},
		{Route: "track", Status: 503, Code: "storage_unavailable", Bytes: len(order)},
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if fmt.Sprint(seen.all) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant\n%+v", seen.all, want)
	}
}
