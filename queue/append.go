package queue

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkTarget = 1 << 20  // raw bytes after which a commit starts another chunk
	commitMost  = 16 << 20 // raw bytes one commit takes, unless one append is larger
	maxEntry    = 64 << 20
	maxTailIDs  = 1 << 18 // records after which a tail is sealed, so that their ids stay small
)

// request is one Append on its way through the writer.
type request struct {
	entries []pending
	buf     []byte // what of the entries the payload will hold
	state   atomic.Int32
	done    chan result
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

// pending is one entry as the writer needs it.
type pending struct {
	hash     idHash
	lo, hi   int // its record in buf
	laneKey  string
	lanes    []string
	received int64
	body     int
	fresh    bool // the writer will store it
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
// confirmed them. Entries whose id is known already are counted as duplicates;
// when the first copy is being written at this moment, its fate decides. Append
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
	r, err := q.encode(entries)
	if err != nil {
		return Appended{}, err
	}
	timeout := time.NewTimer(q.o.AppendTimeout)
	defer timeout.Stop()
	if err := q.in.admit(ctx, r, q.o.MaxWaiting, timeout.C); err != nil {
		return Appended{}, err
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	select {
	case res := <-r.done:
		return res.Appended, res.err
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timeout.C:
		err = ErrStalled
	}
	if r.state.CompareAndSwap(stateWaiting, stateGivenUp) {
		return Appended{}, err
	}
	select { // the writer has it: its word counts if it has spoken
	case res := <-r.done:
		return res.Appended, res.err
	default:
		return Appended{}, err
	}
}

// encode copies entries into the form the payload holds.
func (q *Queue) encode(entries []Entry) (*request, error) {
	size := 0
	for i := range entries {
		size += len(entries[i].Body) + len(entries[i].ID) + 32
	}
	r := &request{entries: make([]pending, len(entries)), buf: make([]byte, 0, size), done: make(chan result, 1)}
	var hb [256]byte
	for i := range entries {
		e := &entries[i]
		if len(e.Lanes) == 0 || len(e.Lanes) > 1<<10 || len(e.Body)+len(e.ID) > maxEntry {
			return nil, fmt.Errorf("entry %d: %w", i, ErrInvalid)
		}
		p := &r.entries[i]
		p.lanes = e.Lanes
		p.laneKey = e.Lanes[0]
		if len(e.Lanes) > 1 {
			p.lanes = slices.Clone(e.Lanes)
			slices.Sort(p.lanes)
			p.lanes = slices.Compact(p.lanes)
			p.laneKey = strings.Join(p.lanes, "\x00")
		} else {
			p.lanes = []string{e.Lanes[0]}
		}
		for _, l := range p.lanes {
			if l == "" || len(l) > 1<<10 {
				return nil, fmt.Errorf("entry %d: lane name: %w", i, ErrInvalid)
			}
		}
		key := e.DedupKey
		if key == "" {
			key = e.ID
		}
		b := append(hb[:0], q.secret[:]...)
		sum := sha256.Sum256(append(b, key...))
		p.hash = idHash(sum[:16])
		received := e.Received
		if received.IsZero() {
			received = q.now()
		}
		p.received = received.UnixMilli()
		p.body = len(e.Body)
		p.lo = len(r.buf)
		r.buf = appendRecordRest(r.buf, e.Flags, p.received, e.ID, e.Body)
		p.hi = len(r.buf)
	}
	return r, nil
}

// admit puts r in line, once there is room.
func (in *intake) admit(ctx context.Context, r *request, most int64, timeout <-chan time.Time) error {
	n := int64(len(r.buf))
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

// take gives the next commit's requests. Requests given up meanwhile are left out.
func (in *intake) take(into []*request) []*request {
	in.mu.Lock()
	defer in.mu.Unlock()
	bytes, i := 0, 0
	for ; i < len(in.queue); i++ {
		r := in.queue[i]
		if bytes > 0 && bytes+len(r.buf) > commitMost {
			break
		}
		if !r.state.CompareAndSwap(stateWaiting, stateTaken) {
			in.bytes -= int64(len(r.buf))
			continue
		}
		bytes += len(r.buf)
		into = append(into, r)
	}
	in.queue = slices.Delete(in.queue, 0, i)
	return into
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

// write is the writer: the one goroutine that writes the tail.
func (q *Queue) write() {
	w := &writer{q: q}
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
	w.reqs = q.in.take(w.reqs[:0])
	w.last = len(w.reqs)
	if len(w.reqs) == 0 {
		return
	}
	bytes := int64(0)
	for _, r := range w.reqs {
		bytes += int64(len(r.buf))
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
	w.q.in.close()
	for _, r := range w.q.in.take(nil) {
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
