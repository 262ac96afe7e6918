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

// How a segment left by another process or a failing disk becomes readable:
//
//	sealed            it contains its summary: nothing else is read
//	not sealed        all of it is read, structure and checksums. If intact it is sealed in place
//	torn              the last commit did not reach the disk completely (one sync confirms
//	                  data and meta page together): bbolt's older meta page still leads to
//	                  everything that was ever confirmed
//	damaged           intact chunks are copied, whichever pages they are on; the original
//	                  file is kept as .bad
//
// The last two produce a new file. Void ranges are left out of it.

// openOld opens the segments left by the previous run: first the ones whose ids are in no
// file, since the first append waits for those ids, then the rest, oldest first.
func (q *Queue) openOld() {
	q.mu.Lock()
	old := slices.Clone(q.segs)
	if q.writer.tail != nil {
		old = old[:len(old)-1]
	}
	q.mu.Unlock()
	later := make(map[*seg]func() error) // the remaining work for segments whose ids were read first
	if !q.readOnly {
		again := q.segmentsToReread(old)
		for _, s := range old {
			if again[s.Num] || !q.ids.Covers(s.Num) && !isSealed(s) {
				q.openFor(s, func() (err error) { later[s], err = q.restoreIDs(s); return err })
			}
		}
	}
	close(q.writer.idsReady)
	for _, s := range old {
		select {
		case <-q.stop:
			return
		default:
		}
		q.mu.Lock()
		done := isClosed(s.ready)
		q.mu.Unlock()
		if !done {
			if fn := later[s]; fn != nil {
				q.openFor(s, fn)
			} else {
				q.openFor(s, func() error { return q.prepare(s) })
			}
			q.recount()
			q.mu.Lock()
			q.notifyReaders()
			q.mu.Unlock()
		}
	}
	q.recount()
	q.dead.load()
	q.mu.Lock()
	q.opening = false
	q.notifyReaders()
	q.mu.Unlock()
	q.removeSettled()
	if q.readOnly {
		return
	}
	q.ids.Load(q.stop, func(err error) {
		if !q.idsDamaged(err) {
			q.o.Logger.Warn("cannot load message ids", "code", logs.IDsNotLoaded, "err", err)
		}
	})
	q.periodic()
}

// retryFailed opens segments again that could not be opened.
func (q *Queue) retryFailed() {
	q.mu.Lock()
	var again []*seg
	for _, s := range q.segs {
		if s.failed != nil && !errors.Is(s.failed, ErrKey) && !errors.Is(s.failed, ErrNewerFormat) && !q.opening {
			s.failed = nil
			s.ready = make(chan struct{})
			again = append(again, s)
		}
	}
	q.mu.Unlock()
	for _, s := range again {
		q.openFor(s, func() error { return q.prepare(s) })
	}
	if len(again) > 0 {
		q.recount()
	}
}

// openFor runs fn, which makes s readable. If it fails s is marked as failed.
func (q *Queue) openFor(s *seg, fn func() error) {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	if err := fn(); err != nil {
		q.o.Logger.Error("cannot open a segment", "code", logs.SegmentNotOpened, "segment", filepath.Base(s.Path), "err", err)
		q.mu.Lock()
		s.failed = err
		if !isClosed(s.ready) {
			close(s.ready)
		}
		q.mu.Unlock()
	}
}

func isVoid(voids []meta.Void, h *chunk.Header) bool {
	return slices.ContainsFunc(voids, func(v meta.Void) bool { return h.First < v.End && v.First < h.End() })
}

// examine verifies the file of s, which was not sealed.
func (q *Queue) examine(s *seg, wantIDs bool) (segment.Examined, error) {
	voids := q.meta.Voids()
	return s.Examine(func(h *chunk.Header) bool { return isVoid(voids, h) }, wantIDs)
}

// prepare makes an old segment readable whose ids are known.
func (q *Queue) prepare(s *seg) error {
	if sum, err := segment.ReadSummary(s.Path); err == nil {
		s.Checked.Store(false) // the summary does not contain the gaps
		q.pool.Shut(&s.File)
		q.install(s, sum, true)
		return nil
	}
	x, err := q.examine(s, false)
	return q.makeReadable(s, x, err, func([]ids.Known) error { return nil })
}

// makeReadable makes a segment readable according to x, the result of examining it, or err. It
// calls writeIDs with the segment's ids before it seals the segment.
func (q *Queue) makeReadable(s *seg, x segment.Examined, err error, writeIDs func([]ids.Known) error) error {
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
		if err := writeIDs(x.IDs); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
			q.install(s, x.Sum, false)
			return nil
		}
		err := s.Seal(&x.Sum, q.o.NoSync)
		if err != nil {
			q.o.Logger.Warn("cannot seal an old segment; it is read unsealed", "code", logs.SegmentNotSealed, "segment", filepath.Base(s.Path), "err", err)
		}
		q.install(s, x.Sum, err == nil)
		return nil
	case err == nil && q.readOnly:
		return format.Damaged("segment %016x was not closed: start relay once to repair it", s.Num)
	case err == nil:
		_, err := q.salvage(s, false, nil, writeIDs)
		return err
	case errors.Is(err, errDamaged) && !q.readOnly:
		_, err := q.salvage(s, true, err, writeIDs)
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
	s.sum, s.sealed, s.disk, s.failed, s.unreadSince = sum, sealed, size, nil, time.Time{}
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

// discard removes a segment without records.
func (q *Queue) discard(s *seg) error {
	q.noting.Lock()
	defer q.noting.Unlock()
	q.forgetSealed(s.Num) // if the count stays, the quarantined file explains it
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

// repair handles damage that a reader found in s when s.installed had the given value. When
// it returns nil the reader tries again; records that could not be saved are lost and
// counted.
func (q *Queue) repair(s *seg, installed uint32, cause error) error {
	if q.readOnly {
		return cause
	}
	q.mu.Lock()
	tail := s.tail
	q.mu.Unlock()
	if tail { // before taking repairing, for which the writer might wait
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
		return nil // it was replaced or repaired meanwhile
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
		s.failed = err // the background goroutine tries again
		s.repairs--    // nothing was repaired
		close(s.ready)
		q.mu.Unlock()
		return err
	}
	q.recount()
	return nil
}
