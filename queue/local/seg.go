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

// seg is a segment as the queue goes about it: its file, and what is known of it.
type seg struct {
	segment.File

	// Under Queue.mu.
	ready   chan struct{} // closed once it may be read; replaced while it is repaired
	failed  error         // it cannot be read at all (a key that is missing)
	sum     segment.Summary
	disk    int64 // bytes on disk
	tail    bool
	doubt   bool      // of a tail: its newest commit may be in it, or not
	sealed  bool      // its summary is stored in it
	repairs int       // how often it was
	unread  time.Time // when the disk first did not give some of it; zero: it does
	gone    bool      // unlinked or about to be
	filing  bool      // rotated out, and nobody has tried yet to file its ids: it must not be deleted yet
	key     uint32    // all of it is known to be sealed with; 0: not looked at

	end atomic.Uint32 // index behind the last record that is confirmed

	installed atomic.Uint32 // how often install has run: a reader who met damage sees that another dealt with it
}

func newSeg(dir string, num uint64) *seg {
	return &seg{File: segment.File{Num: num, Path: segment.Path(dir, num)}, ready: make(chan struct{})}
}

// chunks calls fn for each chunk of s that holds or follows index from, in order,
// until fn says stop. body gives its ids and stored payload, valid in fn only.
func (q *Queue) chunks(s *seg, from uint32, fn func(h *chunk.Header, body func() (ids, pay []byte, err error)) (more bool, err error)) error {
	known := segment.Known{
		End:   s.end.Load(), // before the transaction begins: what is published by now is in it
		Check: func() error { return q.check(s) },
		Gaps: func() segment.Gaps {
			q.mu.Lock()
			defer q.mu.Unlock()
			return s.sum.Gaps
		},
	}
	err := q.pool.Chunks(&s.File, from, known, fn)
	if errors.Is(err, segment.ErrGone) {
		return q.vanished(s)
	}
	return err
}

// vanished says why the file of s is not there: segment.ErrGone, or someone else took it.
func (q *Queue) vanished(s *seg) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.gone {
		return fmt.Errorf("open segment: %w", segment.ErrGone)
	}
	return format.Damaged("the file is missing")
}

// check reads all of s before bbolt does for the first time.
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
