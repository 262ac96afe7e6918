package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// How a segment that another process, or a failing disk, left behind is made
// fit to be read:
//
//	sealed            its summary is in it: nothing more is read
//	not sealed        read as a whole: structure and every checksum. Good: sealed in place
//	torn              the newest commit did not reach the disk whole (one sync
//	                  confirms data and meta page together): bbolt's older meta
//	                  page still leads to everything that was ever confirmed
//	damaged           whatever chunks are whole are picked from its pages, by
//	                  whichever page holds them; the file itself is kept as .bad
//
// The last two give a new file. Ranges in doubt are left out of it.

func isVoid(voids []meta.Void, h *chunk.Header) bool {
	return slices.ContainsFunc(voids, func(v meta.Void) bool { return h.First < v.End && v.First < h.End() })
}

// examine verifies the file of s, which was not sealed.
func (q *Queue) examine(s *seg, wantIDs bool) (segment.Examined, error) {
	voids := q.meta.Voids()
	return s.Examine(func(h *chunk.Header) bool { return isVoid(voids, h) }, wantIDs)
}

// prepare makes a segment from before fit to be read whose ids are known.
func (q *Queue) prepare(s *seg) error {
	if sum, err := segment.ReadSummary(s.Path); err == nil {
		s.Checked.Store(false) // where its gaps are is not in it
		q.pool.Shut(&s.File)
		q.install(s, sum, true)
		return nil
	}
	x, err := q.examine(s, false)
	return q.putInOrder(s, x, err, func([]ids.Known) error { return nil })
}

// putInOrder makes a segment readable in which x was found. It calls file with
// the ids in it before it seals the segment.
func (q *Queue) putInOrder(s *seg, x segment.Examined, err error, file func([]ids.Known) error) error {
	switch {
	case err == nil && !x.Torn && !x.Voided:
		s.Checked.Store(true)
		if q.readOnly {
			q.install(s, x.Sum, false)
			return nil
		}
		if x.Sum.Chunks == 0 {
			return q.discard(s)
		}
		if err := file(x.IDs); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
			q.install(s, x.Sum, false)
			return nil
		}
		err := s.Seal(&x.Sum, q.o.NoSync)
		if err != nil {
			q.o.Logger.Warn("cannot seal an old segment; it is read as it is", "code", logs.SegmentNotSealed, "segment", filepath.Base(s.Path), "err", err)
		}
		q.install(s, x.Sum, err == nil)
		return nil
	case err == nil && q.readOnly:
		return format.Damaged("segment %016x was not closed: start relay once", s.Num)
	case err == nil:
		_, err := q.salvage(s, false, nil, file)
		return err
	case errors.Is(err, errDamaged) && !q.readOnly:
		_, err := q.salvage(s, true, err, file)
		return err
	}
	return err
}

// install makes a segment readable.
func (q *Queue) install(s *seg, sum segment.Summary, sealed bool) {
	size := int64(0)
	if fi, err := os.Stat(s.Path); err == nil {
		size = disk.Used(fi)
	}
	q.mu.Lock()
	if s.sum.Records != sum.Records {
		q.contentChanged()
	}
	s.sum, s.sealed, s.disk, s.failed, s.unread = sum, sealed, size, nil, time.Time{}
	s.end.Store(sum.Next)
	s.installed.Add(1)
	for i := range sum.Lanes {
		q.lane(sum.Lanes[i].Name)
	}
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.mu.Unlock()
}

// discard removes a segment in which nothing lies.
func (q *Queue) discard(s *seg) error {
	q.noting.Lock()
	defer q.noting.Unlock()
	q.forgetSealed(s.Num) // one that stays is known to be of a segment that was quarantined
	q.mu.Lock()
	s.gone = true
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.segs = slices.DeleteFunc(q.segs, func(o *seg) bool { return o == s })
	if s.sum.Records > 0 {
		q.contentChanged()
	}
	q.mu.Unlock()
	q.pool.Shut(&s.File)
	return files.Remove(s.Path)
}

// repair deals with damage a reader met in s as it was when it had been installed
// so often. When it returns nil the reader tries again; what could not be saved
// is gone then, and counted.
func (q *Queue) repair(s *seg, installed uint32, cause error) error {
	if q.readOnly {
		return cause
	}
	q.mu.Lock()
	tail := s.tail
	q.mu.Unlock()
	if tail { // before repairing is held, which the writer may come to wait for
		if err := q.onTail(func(w *writer) error {
			if q.writer.tail != s {
				return nil
			}
			return w.rotate()
		}); err != nil {
			return err
		}
	}
	q.repairing.Lock()
	defer q.repairing.Unlock()
	if s.installed.Load() != installed {
		return nil // it is another file by now, or one that was put in order
	}
	q.mu.Lock()
	gone := s.gone
	s.repairs++
	n := s.repairs
	q.mu.Unlock()
	switch {
	case gone:
		return nil
	case n > 4:
		return cause
	}
	q.mu.Lock()
	if isClosed(s.ready) {
		s.ready = make(chan struct{})
	}
	q.mu.Unlock()
	if _, err := q.salvage(s, true, cause, nil); err != nil {
		q.mu.Lock()
		s.failed = err // the keeper tries again
		s.repairs--    // nothing was
		close(s.ready)
		q.mu.Unlock()
		return err
	}
	q.recount()
	return nil
}
