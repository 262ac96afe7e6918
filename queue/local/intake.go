package local

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// request is one Append on its way through the writer. It is used again once
// its caller has the answer.
type request struct {
	entries []Entry // the caller's; the writer reads them only while it holds intake.building
	pending []pending
	size    int // bytes of the payload, about
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

// intake is what waits for the writer, bounded in bytes. Invariant: bytes is what the
// requests in queue take, and those that the writer has taken and not released.
type intake struct {
	most     int64 // bytes; one request may have more
	patience time.Duration
	wake     chan struct{} // to the writer: something waits
	pool     sync.Pool     // of *request
	// building is held by the writer while it reads what callers gave to Append.
	building sync.Mutex

	mu      sync.Mutex
	queue   []*request
	bytes   int64
	blocked []chan struct{} // callers waiting for room, first come first served
	closed  bool
}

// fresh gives a request for entries, whose time runs.
func (in *intake) fresh(entries []Entry) *request {
	r, _ := in.pool.Get().(*request)
	if r == nil {
		r = &request{done: make(chan result, 1), timeout: time.NewTimer(in.patience)}
	} else {
		r.timeout.Reset(in.patience)
	}
	r.entries, r.size = entries, 0
	r.state.Store(stateWaiting)
	r.pending = slices.Grow(r.pending[:0], len(entries))[:len(entries)]
	return r
}

// reuse keeps r for the next Append. Nobody else may know of it any more.
func (in *intake) reuse(r *request) {
	r.timeout.Stop()
	r.entries = nil
	clear(r.pending)
	if cap(r.pending) > 4096 {
		r.pending = nil
	}
	in.pool.Put(r)
}

// admit puts r in line, once there is room.
func (in *intake) admit(ctx context.Context, r *request) error {
	n := int64(r.size)
	in.mu.Lock()
	for in.bytes > 0 && in.bytes+n > in.most {
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

// call wakes the writer.
func (in *intake) call() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// release gives back the room of n bytes.
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

// take gives the next commit's requests, most bytes of them or one. Requests given up meanwhile are left out.
func (in *intake) take(into []*request, most int) []*request {
	in.mu.Lock()
	defer in.mu.Unlock()
	bytes, i := 0, 0
	for ; i < len(in.queue); i++ {
		r := in.queue[i]
		if bytes > 0 && bytes+r.size > most {
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

// waiting is how many bytes that is.
func (in *intake) waiting() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes
}

// close refuses what comes and gives back what still waits.
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
