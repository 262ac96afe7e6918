package local

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

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
	if err := q.in.admit(ctx, r); err != nil {
		q.in.reuse(r)
		return Appended{}, err
	}
	q.in.call()
	select {
	case res := <-r.done:
		q.in.reuse(r)
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
	q.in.building.Lock()
	q.in.building.Unlock() //nolint:staticcheck // only the waiting matters
	select {               // its word counts if it has spoken
	case res := <-r.done:
		q.in.reuse(r)
		return res.Appended, res.err
	default:
		return Appended{}, err
	}
}

// request makes ready what the writer needs to know of entries.
func (q *Queue) request(entries []Entry) (*request, error) {
	r := q.in.fresh(entries)
	var hb [256]byte
	for i := range entries {
		e := &entries[i]
		err := e.Valid(i)
		if err == nil && len(e.Body)+len(e.ID) > maxEntry {
			err = fmt.Errorf("entry %d is too large: %w", i, ErrInvalid)
		}
		if err != nil {
			q.in.reuse(r)
			return nil, err
		}
		p := &r.pending[i]
		*p = pending{lanes: e.Lanes[:1:1]}
		if len(e.Lanes) > 1 {
			p.lanes = slices.Clone(e.Lanes)
			slices.Sort(p.lanes)
			p.lanes = slices.Compact(p.lanes)
		}
		p.laneKey = chunk.SetKey(p.lanes)
		switch e.Space {
		case queue.ByID:
			p.id, p.store, p.print = e.ID, e.Store, e.Fingerprint
		case queue.BySale:
			p.sale, p.print = true, e.Fingerprint
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

// commitMost is how much one commit takes: in a small queue, not all there is.
func (q *Queue) commitMost() int { return int(min(commitMost, q.space.max/32)) }

// write is the writer: the one goroutine that writes the tail.
func (q *Queue) write() {
	w := q.writer
	for {
		select {
		case <-q.stop:
			w.finish()
			return
		case fn := <-w.run:
			fn(w)
		case <-q.in.wake:
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
	case <-w.idsReady:
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
		q.in.call()
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
	case q.writer.run <- func(w *writer) { done <- fn(w) }:
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
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if q.gone.Load() {
		return fmt.Errorf("%w: %w", ErrUnavailable, errGone)
	}
	broken := q.health.why() // before full, which is said first
	if why := q.space.why(); why != "" {
		return &FullError{RetryAfter: 30 * time.Second, Reason: why}
	}
	if broken != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, broken)
	}
	if at := q.writer.committing.Load(); at != 0 && time.Since(time.Unix(0, at)) > q.o.AppendTimeout {
		return ErrStalled
	}
	return nil
}
