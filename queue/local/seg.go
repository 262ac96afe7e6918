package local

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
	"relay/queue/local/internal/segment"
)

// seg is a segment: its file and its state.
type seg struct {
	segment.File

	// Guarded by Queue.mu.
	ready       chan struct{} // closed once it can be read; replaced while it is repaired
	failed      error         // it cannot be read at all (a key is missing)
	sum         segment.Summary
	disk        int64 // bytes on disk
	tail        bool
	doubt       bool      // of a tail: its last commit is in doubt
	sealed      bool      // its summary is stored in it
	repairs     int       // how often it was repaired
	unreadSince time.Time // when the disk first failed to return some of it; zero: it has not
	gone        bool      // unlinked or about to be
	idsPending  bool      // rotated out, ids not written to a file yet: it must not be deleted yet
	key         uint32    // the one key that encrypts all of it; 0: not checked

	end atomic.Uint32 // index after the last confirmed record

	installed atomic.Uint32 // how often install has run: shows a reader that damage it found was already repaired
}

func newSeg(dir string, num uint64) *seg {
	return &seg{File: segment.File{Num: num, Path: segment.Path(dir, num)}, ready: make(chan struct{})}
}

// chunks calls fn for each chunk of s from the one that contains or follows index from, in
// order, until fn returns more = false. body returns its ids and stored payload, valid only
// during fn.
func (q *Queue) chunks(s *seg, from uint32, fn func(h *chunk.Header, body func() (ids, pay []byte, err error)) (more bool, err error)) error {
	known := segment.Known{
		End:   s.end.Load(), // read before the transaction begins, which therefore contains everything up to it
		Check: func() error { return q.check(s) },
		Gaps: func() segment.Gaps {
			q.mu.Lock()
			defer q.mu.Unlock()
			return s.sum.Gaps
		},
	}
	err := q.pool.Chunks(&s.File, from, known, fn)
	if errors.Is(err, segment.ErrGone) {
		return q.missingError(s)
	}
	return err
}

// missingError returns why the file of s is missing: segment.ErrGone if the queue unlinked
// it, damage otherwise.
func (q *Queue) missingError(s *seg) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.gone {
		return fmt.Errorf("open segment: %w", segment.ErrGone)
	}
	return format.Damaged("file is missing")
}

// check reads all of s before bbolt opens it for the first time.
func (q *Queue) check(s *seg) error {
	var want *segment.Summary
	q.mu.Lock()
	if s.sealed {
		sum := s.sum.Clone()
		want = &sum
	}
	q.mu.Unlock()
	gaps, err := s.Check(want)
	if err != nil {
		return err
	}
	q.mu.Lock()
	s.sum.Gaps = gaps
	q.mu.Unlock()
	return nil
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
