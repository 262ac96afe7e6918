package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

const (
	chunkTarget = 1 << 20  // raw bytes after which a commit begins another chunk
	commitMost  = 16 << 20 // raw bytes of one commit, unless a single append is larger
	maxEntry    = 64 << 20
	maxTailIDs  = 96_000 // records after which a tail is sealed: their ids take 3 MiB in memory, soon 6, and a start after a crash reads them all
)

// Append stores entries, all of them or none, and returns once the disk has confirmed them.
// Entries whose id is known are counted as duplicates, or kept as conflicts (queue.Entry).
// If the first copy is just being written, the result of that commit applies. Append gives
// up when ctx ends or after Options.AppendTimeout (ErrStalled). The entries are then not
// stored, or will be stored as soon as the disk responds.
//
// It can be called from any number of goroutines. Appends that arrive while a commit is
// being synced are committed together next.
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
	r, err := q.newRequest(entries)
	if err != nil {
		return Appended{}, err
	}
	if err := q.in.enqueue(ctx, r); err != nil {
		q.in.recycle(r)
		return Appended{}, err
	}
	q.in.wakeWriter()
	select {
	case res := <-r.done:
		q.in.recycle(r)
		return res.Appended, res.err
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-r.timeout.C:
		err = ErrStalled
	}
	if r.state.CompareAndSwap(stateWaiting, stateGivenUp) {
		return Appended{}, err
	}
	// The writer has taken the request and might still be copying the bodies, which the
	// caller can reuse once this returns. Copying never waits for the disk.
	q.in.building.Lock()
	q.in.building.Unlock() //nolint:staticcheck // only to wait for it
	select {               // if the writer has answered, its answer counts
	case res := <-r.done:
		q.in.recycle(r)
		return res.Appended, res.err
	default:
		return Appended{}, err
	}
}

// newRequest prepares entries for the writer.
func (q *Queue) newRequest(entries []Entry) (*request, error) {
	r := q.in.newRequest(entries)
	var hb [256]byte
	for i := range entries {
		e := &entries[i]
		err := e.Valid(i)
		if err == nil && len(e.Body)+len(e.ID) > maxEntry {
			err = fmt.Errorf("entry %d is too large: %w", i, ErrInvalid)
		}
		if err != nil {
			q.in.recycle(r)
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
			p.id, p.store, p.fingerprint = e.ID, e.Store, e.Fingerprint
		case queue.BySale:
			p.sale, p.fingerprint = true, e.Fingerprint
		}
		p.hash = ident.HashOf(hb[:0], &q.secret, e)
		received := e.Received
		if received.IsZero() {
			received = q.o.Now()
		}
		p.received = received.UnixMilli()
		r.size += recordSize(e)
	}
	return r, nil
}

// recordSize estimates how many bytes e takes in a payload.
func recordSize(e *Entry) int { return len(e.Body) + len(e.ID) + len(e.Recipe) + len(e.Store) + 32 }

// CanAppend reports whether an Append would be durable now: nil, *FullError, ErrUnavailable,
// ErrStalled or ErrClosed. It never touches the disk.
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
	if q.health.dirGone.Load() {
		return fmt.Errorf("%w: %w", ErrUnavailable, errGone)
	}
	broken := q.health.brokenErr() // read before the space, which takes precedence
	if why := q.space.fullReason(); why != "" {
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
