package local

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// request is one Append on its way through the writer. It is reused once its caller has the
// answer.
type request struct {
	entries []Entry // owned by the caller; the writer reads them only while it holds intake.building
	pending []pending
	size    int // estimated bytes of the payload
	state   atomic.Int32
	done    chan result
	timeout *time.Timer
}

const (
	stateWaiting = iota
	stateTaken   // by the writer
	stateGivenUp // by the caller, before the writer took it
)

type result struct {
	Appended
	err error
}

// intake is the queue of requests for the writer, bounded in bytes. Invariant: bytes is the
// size of the requests in queue and of those that the writer has taken and not released.
type intake struct {
	limit   int64 // limit of bytes; a single request can be larger
	timeout time.Duration
	wake    chan struct{} // to the writer: a request is waiting
	pool    sync.Pool     // of *request
	// building is held by the writer while it reads the callers' entries.
	building sync.Mutex

	mu      sync.Mutex
	queue   []*request
	bytes   int64
	blocked []chan struct{} // callers waiting for space
	closed  bool
}

// newRequest returns a request for entries and starts its timeout.
func (in *intake) newRequest(entries []Entry) *request {
	r, _ := in.pool.Get().(*request)
	if r == nil {
		r = &request{done: make(chan result, 1), timeout: time.NewTimer(in.timeout)}
	} else {
		r.timeout.Reset(in.timeout)
	}
	r.entries, r.size = entries, 0
	r.state.Store(stateWaiting)
	r.pending = slices.Grow(r.pending[:0], len(entries))[:len(entries)]
	return r
}

// recycle keeps r for a later Append. The caller must be the only one that uses r.
func (in *intake) recycle(r *request) {
	r.timeout.Stop()
	r.entries = nil
	clear(r.pending)
	if cap(r.pending) > 4096 {
		r.pending = nil
	}
	in.pool.Put(r)
}

// enqueue adds r to the queue once there is space.
func (in *intake) enqueue(ctx context.Context, r *request) error {
	n := int64(r.size)
	in.mu.Lock()
	for in.bytes > 0 && in.bytes+n > in.limit {
		if in.closed {
			break
		}
		room := make(chan struct{})
		in.blocked = append(in.blocked, room)
		in.mu.Unlock()
		var err error
		select {
		case <-room:
		case <-ctx.Done():
			err = fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
		case <-r.timeout.C:
			err = ErrBusy
		}
		in.mu.Lock()
		if err != nil {
			in.blocked = slices.DeleteFunc(in.blocked, func(c chan struct{}) bool { return c == room })
			in.mu.Unlock()
			return err
		}
	}
	defer in.mu.Unlock()
	if in.closed {
		return ErrClosed
	}
	in.bytes += n
	in.queue = append(in.queue, r)
	return nil
}

// wakeWriter wakes the writer.
func (in *intake) wakeWriter() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// release returns n bytes of space.
func (in *intake) release(n int64) {
	in.mu.Lock()
	in.bytes -= n
	for _, c := range in.blocked {
		close(c)
	}
	in.blocked = in.blocked[:0]
	in.mu.Unlock()
}

func (in *intake) len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.queue)
}

// take removes and returns the requests of the next commit: at most limit bytes, or a
// single larger one. It leaves out requests whose callers have given up.
func (in *intake) take(into []*request, limit int) []*request {
	in.mu.Lock()
	defer in.mu.Unlock()
	bytes, i := 0, 0
	for ; i < len(in.queue); i++ {
		r := in.queue[i]
		if bytes > 0 && bytes+r.size > limit {
			break
		}
		if r.state.Load() == stateGivenUp {
			in.bytes -= int64(r.size)
			continue
		}
		bytes += r.size
		into = append(into, r)
	}
	in.queue = slices.Delete(in.queue, 0, i)
	return into
}

// waiting returns how many bytes are waiting for the writer or being written.
func (in *intake) waiting() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes
}

// close refuses further requests and returns those that are waiting.
func (in *intake) close() []*request {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	for _, c := range in.blocked {
		close(c)
	}
	in.blocked = nil
	rest := in.queue
	in.queue = nil
	return rest
}
