package jetstream

import (
	"slices"
	"sync"

	"relay/queue"
)

// intake is what waits for the writer.
type intake struct {
	mu      sync.Mutex
	waiting []*call
	bytes   int64
	closed  bool
	more    chan struct{}
}

// call is an Append under way.
type call struct {
	entries []queue.Entry
	size    int64
	taken   bool          // the writer has it: guarded by intake.mu
	read    chan struct{} // closed once the writer needs the entries no more
	done    chan struct{} // closed once the result is there
	out     queue.Appended
	err     error
}

func (in *intake) init() { in.more = make(chan struct{}, 1) }

func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	for _, c := range in.waiting {
		c.err = queue.ErrClosed
		close(c.read)
		close(c.done)
	}
	in.waiting, in.bytes = nil, 0
	poke(in.more)
}

func (in *intake) put(c *call, most int64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return queue.ErrClosed
	case in.bytes > 0 && in.bytes+c.size > most:
		return queue.ErrBusy
	}
	in.waiting = append(in.waiting, c)
	in.bytes += c.size
	poke(in.more)
	return nil
}

// withdraw is false when the writer has the call already.
func (in *intake) withdraw(c *call) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if c.taken {
		return false
	}
	in.waiting = slices.DeleteFunc(in.waiting, func(o *call) bool { return o == c })
	in.bytes -= c.size
	return true
}

// has says whether at least n calls wait, or enough to fill a chunk.
func (in *intake) has(n int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.waiting) >= n || in.bytes >= maxRaw || in.closed
}

// fills says whether enough waits to fill a chunk.
func (in *intake) fills() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes >= maxRaw
}

// callers is how many calls wait.
func (in *intake) callers() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.waiting)
}

// take gives calls for one chunk.
func (in *intake) take() (out []*call, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	size, n := int64(0), 0
	for len(in.waiting) > 0 {
		c := in.waiting[0]
		if len(out) > 0 && (size+c.size > maxRaw || n+len(c.entries) > maxRecords) {
			break
		}
		in.waiting = in.waiting[1:]
		in.bytes -= c.size
		c.taken = true
		size, n = size+c.size, n+len(c.entries)
		out = append(out, c)
	}
	if len(in.waiting) > 0 {
		poke(in.more)
	}
	return out, in.closed
}
