package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"relay/internal/disk"
	"relay/queue"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// StateFile is a State in a file for one key.
type StateFile string

// Load reads the file.
func (f StateFile) Load(context.Context, string) ([]byte, error) {
	b, err := disk.ReadFile(string(f), 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save replaces the file.
func (f StateFile) Save(_ context.Context, _ string, state []byte) error {
	return disk.WriteFile(string(f), 0o600, state)
}

// memory is an Appender in memory. It de-duplicates like a queue and can be made to fail.
type memory struct {
	mu      sync.Mutex
	entries []queue.Entry
	seen    map[string]uint64    // fingerprints
	before  func(call int) error // fails the call
	after   func(call int) error // fails after the rows were stored
	calls   int
}

func (m *memory) Append(_ context.Context, es []queue.Entry) (queue.Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.before != nil {
		if err := m.before(m.calls); err != nil {
			return queue.Appended{}, err
		}
	}
	var a queue.Appended
	for _, e := range es {
		if m.seen == nil {
			m.seen = map[string]uint64{}
		}
		if print, ok := m.seen[e.ID]; ok {
			a.Duplicates++
			if e.Space == queue.BySale && print != e.Fingerprint {
				a.Changed++
			}
			continue
		}
		m.seen[e.ID] = e.Fingerprint
		a.Stored++
		e.Body = slices.Clone(e.Body)
		m.entries = append(m.entries, e)
	}
	if m.after != nil {
		if err := m.after(m.calls); err != nil {
			return queue.Appended{}, err
		}
	}
	return a, nil
}

// deadly is a queue that ends the process when it gets the event Deadly.
type deadly struct{ *memory }

type death struct{}

func (d deadly) Append(ctx context.Context, es []queue.Entry) (queue.Appended, error) {
	for _, e := range es {
		if strings.Contains(string(e.Body), `"Deadly"`) {
			panic(death{})
		}
	}
	return d.memory.Append(ctx, es)
}

// deadlyFile ends the process when it is read.
type deadlyFile struct{ *strings.Reader }

func (deadlyFile) Read([]byte) (int, error) { panic(death{}) }

func (m *memory) bodies() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, e := range m.entries {
		all = append(all, string(e.Body))
	}
	return strings.Join(all, "\n")
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

var errFull = &queue.FullError{}

// sales returns n rows of JSON lines without ids, numbered from from.
func sales(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","properties":{"n":%d}}`+"\n", from+i)
	}
	return b.String()
}
