package ingest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"relay/queue"
)

// memory is an Appender in memory. It de-duplicates like a queue and can be made to fail.
type memory struct {
	mu      sync.Mutex
	entries []queue.Entry
	calls   int
	seen    map[string]bool
	err     error
	before  func(context.Context) error // runs first in every Append
}

func (m *memory) Append(ctx context.Context, es []queue.Entry) (queue.Appended, error) {
	m.mu.Lock()
	err, before := m.err, m.before
	m.mu.Unlock()
	if err != nil {
		return queue.Appended{}, err
	}
	if before != nil {
		if err := before(ctx); err != nil {
			return queue.Appended{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	var a queue.Appended
	for _, e := range es {
		key := fmt.Sprint(e.Space, e.ID)
		if e.Space == queue.ByRefusedID {
			key = fmt.Sprint(e.Space, e.Fingerprint, e.ID)
		}
		if m.seen == nil {
			m.seen = map[string]bool{}
		}
		if m.seen[key] {
			a.Duplicates++
			continue
		}
		m.seen[key] = true
		a.Stored++
		e.Body = slices.Clone(e.Body) // the caller reuses its buffer
		e.Lanes = slices.Clone(e.Lanes)
		m.entries = append(m.entries, e)
	}
	return a, nil
}

func (m *memory) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// take returns what was stored since the last call, and forgets it.
func (m *memory) take() []queue.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	es := m.entries
	m.entries, m.seen, m.calls = nil, nil, 0
	return es
}

// routes maps two event names.
func routes(event string) []string {
	switch event {
	case "Order Completed":
		return []string{"701"}
	case "Product Added":
		return []string{"701", "702"}
	}
	return nil
}

// seenMetrics collects the observations.
type seenMetrics struct {
	mu  sync.Mutex
	all []Observation
}

func (s *seenMetrics) Request(o Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Took = 0
	s.all = append(s.all, o)
}

// start serves o on a real listener until the test ends. It returns the queue too.
func start(t *testing.T, o Options, so ServerOptions) (url string, h *Handler, m *memory) {
	t.Helper()
	m, _ = o.Queue.(*memory)
	if o.Queue == nil {
		m = &memory{}
		o.Queue = m
	}
	if o.Route == nil {
		o.Route = routes
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	so.Handler = h
	if so.Listen == nil {
		so.Listen = []string{"127.0.0.1:0"}
	}
	s, err := Listen(so)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return "http://" + s.Addrs()[0].String(), h, m
}

// client returns a client with its own connections, which are closed when the test ends.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}
