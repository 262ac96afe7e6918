package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue/local/internal/chunk"
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

func isVoid(voids []voidRange, h *chunk.Header) bool {
	return slices.ContainsFunc(voids, func(v voidRange) bool { return h.First < v.end && v.first < h.End() })
}

// prepare makes a segment from before fit to be read whose ids are known.
func (q *Queue) prepare(s *segment) error {
	if sum, err := readSummary(s.path); err == nil {
		s.checked.Store(false) // where its gaps are is not in it
		q.shut(s)
		q.install(s, sum, true)
		return nil
	}
	x, err := q.examine(s, false)
	return q.putInOrder(s, x, err, func([]knownID) error { return nil })
}

// putInOrder makes a segment readable in which x was found. It calls file with
// the ids in it before it seals the segment.
func (q *Queue) putInOrder(s *segment, x examined, err error, file func([]knownID) error) error {
	switch {
	case err == nil && !x.torn && !x.voided:
		s.checked.Store(true)
		if q.readOnly {
			q.install(s, x.sum, false)
			return nil
		}
		if x.sum.Chunks == 0 {
			return q.discard(s)
		}
		if err := file(x.ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
			q.install(s, x.sum, false)
			return nil
		}
		err := q.sealInPlace(s, x.sum)
		if err != nil {
			q.o.Logger.Warn("cannot seal an old segment; it is read as it is", "code", logs.SegmentNotSealed, "segment", filepath.Base(s.path), "err", err)
		}
		q.install(s, x.sum, err == nil)
		return nil
	case err == nil && q.readOnly:
		return damaged("segment %016x was not closed: start relay once", s.num)
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
func (q *Queue) install(s *segment, sum summary, sealed bool) {
	size := int64(0)
	if fi, err := os.Stat(s.path); err == nil {
		size = disk.Used(fi)
	}
	q.mu.Lock()
	s.sum, s.sealed, s.disk, s.failed, s.unread = sum, sealed, size, nil, time.Time{}
	s.end.Store(sum.Next)
	s.installed.Add(1)
	q.version++
	for i := range sum.Lanes {
		q.lane(sum.Lanes[i].Name)
	}
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.mu.Unlock()
}

// discard removes a segment in which nothing lies.
func (q *Queue) discard(s *segment) error {
	q.noting.Lock()
	defer q.noting.Unlock()
	q.forgetSealed(s) // one that stays is known to be of a segment that was set aside
	q.mu.Lock()
	s.gone = true
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.segs = slices.DeleteFunc(q.segs, func(o *segment) bool { return o == s })
	q.version++
	q.mu.Unlock()
	q.shut(s)
	return removeFile(s.path)
}

// sealInPlace stores the summary in a segment that was verified.
func (q *Queue) sealInPlace(s *segment, sum summary) error {
	b, err := sum.encode()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	used := int64(0)
	err = guard(func() error {
		if s.db != nil && s.db.IsReadOnly() {
			closeDB(&s.db)
		}
		if s.db == nil {
			db, err := openBolt(s.path, 0o600, tailOptions(0))
			if err != nil {
				return err
			}
			s.db = db
		}
		if err := s.db.Update(func(tx *bolt.Tx) error {
			used = tx.Size()
			return tx.Bucket(bucketInfo).Put(keySummary, b)
		}); err != nil {
			return err
		}
		used, err = boltSize(s.db)
		if err != nil || q.o.NoSync {
			return err
		}
		return s.db.Sync()
	})
	closeDB(&s.db)
	if err != nil {
		return fmt.Errorf("seal segment: %w", err)
	}
	// Behind the last page lies only what was reserved.
	if fi, err := os.Stat(s.path); err == nil && fi.Size() > used {
		if err := truncate(s.path, used); err != nil {
			return fmt.Errorf("seal segment: %w", err)
		}
	}
	return nil
}

func boltSize(db *boltFile) (n int64, err error) {
	err = db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

// repair deals with damage a reader met in s as it was when it had been installed
// so often. When it returns nil the reader tries again; what could not be saved
// is gone then, and counted.
func (q *Queue) repair(s *segment, installed uint32, cause error) error {
	if q.readOnly {
		return cause
	}
	q.mu.Lock()
	tail := s.tail
	q.mu.Unlock()
	if tail { // before repairing is held, which the writer may come to wait for
		if err := q.onTail(func(w *writer) error {
			if q.tail != s {
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
