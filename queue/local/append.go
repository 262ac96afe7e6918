package local

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

const (
	chunkTarget = 1 << 20  // raw bytes after which a commit starts another chunk
	commitMost  = 16 << 20 // raw bytes one commit takes, unless one append is larger
	maxEntry    = 64 << 20
	maxTailIDs  = 96_000 // records after which a tail is sealed: their ids take 3 MiB, and soon would 6; a start after a crash reads so many
)

// request is one Append on its way through the writer. It is used again once
// its caller has the answer.
type request struct {
	entries []Entry // the caller's; the writer reads them only while it holds Queue.building
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

// intake is what waits for the writer, bounded in bytes.
type intake struct {
	mu      sync.Mutex
	queue   []*request
	bytes   int64
	blocked []chan struct{} // callers waiting for room, first come first served
	closed  bool
}

// Append stores entries, all of them or none, and returns once the disk has
// confirmed them. Entries whose id is known already are counted as duplicates, or
// kept as conflicts (queue.Entry); when the first copy is being written at this
// moment, its fate decides. Append
// gives up when ctx ends or after Options.AppendTimeout (ErrStalled): the
// entries are then not stored, or will be as soon as the disk goes on.
//
// It may be called from any number of goroutines; what they bring while one
// commit is being synced becomes the next one.
func (q *Queue) Append(ctx context.Context, entries []Entry) (Appended, error) {
	if len(entries) == 0 {
		return Appended{}, nil
	}
	if err := ctx.Err(); err != nil {
		return Appended{}, fmt.Errorf("append: %w", err)
	}
	if err := q.CanAppend(); err != nil {
		return Appended{}, err
	}
	r, err := q.request(entries)
	if err != nil {
		return Appended{}, err
	}
	if err := q.in.admit(ctx, r, q.o.MaxWaiting, r.timeout.C); err != nil {
		q.reuse(r)
		return Appended{}, err
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	select {
	case res := <-r.done:
		q.reuse(r)
		return res.Appended, res.err
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-r.timeout.C:
		err = ErrStalled
	}
	if r.state.CompareAndSwap(stateWaiting, stateGivenUp) {
		return Appended{}, err
	}
	// The writer has it. It may still be copying the bodies, which are the
	// caller's again once this returns; that never waits for the disk.
	q.building.Lock()
	q.building.Unlock() //nolint:staticcheck // only the waiting matters
	select {            // its word counts if it has spoken
	case res := <-r.done:
		q.reuse(r)
		return res.Appended, res.err
	default:
		return Appended{}, err
	}
}

// request makes ready what the writer needs to know of entries.
func (q *Queue) request(entries []Entry) (*request, error) {
	r, _ := q.requests.Get().(*request)
	if r == nil {
		r = &request{done: make(chan result, 1), timeout: time.NewTimer(q.o.AppendTimeout)}
	} else {
		r.timeout.Reset(q.o.AppendTimeout)
	}
	r.entries, r.size = entries, 0
	r.state.Store(stateWaiting)
	r.pending = slices.Grow(r.pending[:0], len(entries))[:len(entries)]
	var hb [256]byte
	for i := range entries {
		e := &entries[i]
		if len(e.Lanes) == 0 || len(e.Lanes) > 1<<10 || len(e.Body)+len(e.ID) > maxEntry || len(e.Store) > 1<<10 {
			q.reuse(r)
			return nil, fmt.Errorf("entry %d: %w", i, ErrInvalid)
		}
		p := &r.pending[i]
		*p = pending{lanes: e.Lanes[:1:1]}
		if len(e.Lanes) > 1 {
			p.lanes = slices.Clone(e.Lanes)
			slices.Sort(p.lanes)
			p.lanes = slices.Compact(p.lanes)
		}
		p.laneKey = chunk.SetKey(p.lanes)
		for _, l := range p.lanes {
			// A summary is JSON, and would name a lane otherwise whose name is no text.
			if l == "" || len(l) > 1<<10 || !utf8.ValidString(l) {
				q.reuse(r)
				return nil, fmt.Errorf("entry %d: lane name: %w", i, ErrInvalid)
			}
		}
		switch e.Space {
		case queue.ByID:
			p.id, p.store, p.print = e.ID, e.Store, e.Print
		case queue.BySale:
			p.sale, p.print = true, e.Print
		}
		p.hash = ident.HashOf(hb[:0], &q.secret, e)
		received := e.Received
		if received.IsZero() {
			received = q.now()
		}
		p.received = received.UnixMilli()
		r.size += recordSize(e)
	}
	return r, nil
}

// recordSize is about what e takes of a payload.
func recordSize(e *Entry) int { return len(e.Body) + len(e.ID) + len(e.Recipe) + len(e.Store) + 32 }

// reuse keeps r for the next Append. Nobody else may know of it any more.
func (q *Queue) reuse(r *request) {
	r.timeout.Stop()
	r.entries = nil
	clear(r.pending)
	if cap(r.pending) > 4096 {
		r.pending = nil
	}
	q.requests.Put(r)
}

// admit puts r in line, once there is room.
func (in *intake) admit(ctx context.Context, r *request, most int64, timeout <-chan time.Time) error {
	n := int64(r.size)
	in.mu.Lock()
	for in.bytes > 0 && in.bytes+n > most {
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
		case <-timeout:
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

// commitMost is how much one commit takes: in a small queue, not all there is.
func (q *Queue) commitMost() int { return int(min(commitMost, q.space.max/32)) }

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

// write is the writer: the one goroutine that writes the tail.
func (q *Queue) write() {
	w := &writer{q: q, builder: chunk.NewBuilder(q.zstd, q.ring)}
	for {
		select {
		case <-q.stop:
			w.finish()
			return
		case fn := <-q.onWriter:
			fn(w)
		case <-q.wake:
			// Who was just answered brings the next event in a moment: let them,
			// for as long as more keep coming.
			for n := 0; ; {
				runtime.Gosched()
				m := q.in.len()
				if m == n || m >= w.last {
					break
				}
				n = m
			}
			w.step()
		}
	}
}

// step makes one commit of what waits.
func (w *writer) step() {
	q := w.q
	select { // the ids of before must be known first
	case <-q.idsReady:
	case <-q.stop:
		return
	}
	w.reqs = q.in.take(w.reqs[:0], q.commitMost())
	w.last = len(w.reqs)
	if len(w.reqs) == 0 {
		return
	}
	bytes := int64(0)
	for _, r := range w.reqs {
		bytes += int64(r.size)
	}
	w.commit(w.reqs)
	clear(w.reqs)
	q.in.release(bytes)
	if q.in.len() > 0 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// finish answers what came too late.
func (w *writer) finish() {
	for _, r := range w.q.in.close() {
		r.done <- result{err: ErrClosed}
	}
}

// onTail runs fn on the writer's goroutine, between two commits.
func (q *Queue) onTail(fn func(w *writer) error) error {
	done := make(chan error, 1)
	select {
	case q.onWriter <- func(w *writer) { done <- fn(w) }:
		return <-done
	case <-q.stop:
		return ErrClosed
	}
}

// CanAppend says whether an Append would be durable now: nil, *FullError,
// ErrUnavailable, ErrStalled or ErrClosed. It never touches the disk.
func (q *Queue) CanAppend() error {
	if q.readOnly {
		return ErrReadOnly
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case q.full != "":
		return &FullError{RetryAfter: 30 * time.Second, Reason: q.full}
	case q.broken != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, q.broken)
	}
	if at := q.committing.Load(); at != 0 && time.Since(time.Unix(0, at)) > q.o.AppendTimeout {
		return ErrStalled
	}
	return nil
}
