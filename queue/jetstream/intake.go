package jetstream

import (
	"slices"
	"sync"

	"relay/queue"
)

// intake holds the calls waiting for the writer.
type intake struct {
	mu      sync.Mutex
	waiting []*call
	bytes   int64
	closed  bool
	more    chan struct{}
}

// call is an Append in progress.
type call struct {
	entries []queue.Entry
	size    int64
	taken   bool          // the writer has it; guarded by intake.mu
	read    chan struct{} // closed once the writer no longer needs the entries
	done    chan struct{} // closed once the result is set
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
	signal(in.more)
}

func (in *intake) add(c *call, most int64) error {
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
	signal(in.more)
	return nil
}

// withdraw returns false if the writer already has the call.
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

// ready reports whether at least n calls are waiting, or enough bytes for a chunk.
func (in *intake) ready(n int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.waiting) >= n || in.bytes >= maxChunkBytes || in.closed
}

// fillsChunk reports whether enough bytes are waiting for a chunk.
func (in *intake) fillsChunk() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes >= maxChunkBytes
}

// waitingCalls is the number of waiting calls.
func (in *intake) waitingCalls() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.waiting)
}

// take removes and returns calls for one chunk.
func (in *intake) take() (out []*call, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	size, n := int64(0), 0
	for len(in.waiting) > 0 {
		c := in.waiting[0]
		if len(out) > 0 && (size+c.size > maxChunkBytes || n+len(c.entries) > maxRecords) {
			break
		}
		in.waiting = in.waiting[1:]
		in.bytes -= c.size
		c.taken = true
		size, n = size+c.size, n+len(c.entries)
		out = append(out, c)
	}
	if len(in.waiting) > 0 {
		signal(in.more)
	}
	return out, in.closed
}
