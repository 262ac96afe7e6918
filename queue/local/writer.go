package local

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/segment"
)

// writer is the state of the writer goroutine, which alone writes the tail.
type writer struct {
	q        *Queue
	run      chan func(w *writer) // functions to run between two commits
	idsReady chan struct{}        // closed once the ids of old segments are known
	sync     func(*seg) error     // syncs a commit; tests make it fail
	// committing is when the current commit began, Unix ns; 0: there is none.
	committing atomic.Int64

	tail    *seg      // nil before the first; changed under index.mu, which other goroutines hold to read it
	tailIDs *ids.Tail // ids of its records

	reqs []*request
	last int // requests in the previous commit

	batch   map[ids.Hash]uint64 // ids of this commit and their fingerprints
	ids     []ids.Known
	builder *chunk.Builder
	data    []byte // encoded chunks
	packed  []segment.Chunk
}

// commitMost returns the maximum bytes of a commit: less in a small queue.
func (q *Queue) commitMost() int { return int(min(commitMost, q.space.max/32)) }

// runWriter is the writer: the only goroutine that writes the tail.
func (q *Queue) runWriter() {
	w := q.writer
	for {
		select {
		case <-q.stop:
			w.refusePending()
			return
		case fn := <-w.run:
			fn(w)
		case <-q.in.wake:
			// Callers that were just answered append again in a moment: wait for them while
			// more requests keep arriving.
			for n := 0; ; {
				runtime.Gosched()
				m := q.in.len()
				if m == n || m >= w.last {
					break
				}
				n = m
			}
			w.commitPending()
		}
	}
}

// commitPending makes one commit of the waiting requests.
func (w *writer) commitPending() {
	q := w.q
	select { // the ids of old segments must be known first
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
		q.in.wakeWriter()
	}
}

// refusePending answers requests that arrived too late.
func (w *writer) refusePending() {
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

// ensureTail ensures that there is a tail that takes commits, starting a new one after a
// failure.
func (w *writer) ensureTail() error {
	q := w.q
	if q.health.brokenErr() == nil && w.tail != nil {
		return nil
	}
	if full := q.space.fullReason(); full == capacity.DiskFull { // the background goroutine reopens intake
		return &FullError{RetryAfter: 30 * time.Second, Reason: full}
	}
	if err := w.rotate(); err != nil {
		q.markBroken(err)
		if disk.NoSpace(err) {
			q.setFull(capacity.DiskFull)
			return &FullError{RetryAfter: 30 * time.Second, Reason: capacity.DiskFull}
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// rotate hands the tail, if there is one, to the background goroutine for sealing and starts
// the next. Void ranges are saved before the new tail takes anything.
func (w *writer) rotate() error {
	q := w.q
	if err := q.meta.SaveVoids(); err != nil {
		return err
	}
	num := q.nextNum()
	if err := segment.Create(q.dir, q.segInfo(num), q.o.NoSync); err != nil {
		return err
	}
	s := newSeg(q.dir, num)
	s.tail = true
	close(s.ready)
	if err := s.OpenTail(q.o.SegmentSize); err != nil {
		return errors.Join(err, files.Remove(s.Path))
	}
	s.disk = s.OnDisk()
	tailIDs := q.ids.Begin(num)
	q.mu.Lock()
	old, oldIDs := w.tail, w.tailIDs
	w.tail, w.tailIDs = s, tailIDs
	q.segs = append(q.segs, s)
	q.lastNum = num
	q.health.newTail()
	if old != nil {
		old.tail, old.idsPending = false, true
		if old.doubt {
			old.ready = make(chan struct{})
		}
	}
	q.mu.Unlock()
	if old != nil {
		q.schedule(task{seal: old, ids: oldIDs, repair: old.doubt})
	}
	return nil
}
