package local

import (
	"errors"
	"slices"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue/local/internal/files"
)

// schedule adds a task for the background goroutine.
func (q *Queue) schedule(t task) { q.tasks.put(t) }

// runBackground is the background goroutine. It opens the segments left by the previous run,
// seals rotated ones, unlinks drained ones, and enforces the limits.
func (q *Queue) runBackground() {
	q.openOld()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-q.stop:
			q.doTasks()
			return
		case <-q.tasks.kick:
			q.doTasks()
		case <-tick.C:
			if !q.readOnly {
				q.periodic()
			}
		}
	}
}

func (q *Queue) doTasks() {
	for {
		t, ok := q.tasks.next(func(task) bool { return true })
		if !ok {
			return
		}
		switch {
		case t.seal != nil:
			q.sealRotated(t)
			q.removeSettled()
			q.measure()
		case t.unlink:
			q.removeSettled()
			if q.space.fullReason() != "" {
				q.measure() // intake need not wait for the next second
				q.makeRoom()
			}
		case t.room:
			q.makeRoom()
		case t.count != "":
			q.recountLanes(t.count)
		}
	}
}

// periodic is the background work of every second.
func (q *Queue) periodic() {
	q.checkDirectory()
	q.updateAges()
	q.ids.Expire(q.ages.older)
	q.dead.maintain()
	q.measure()
	q.makeRoom()
	q.restoreLanes()
	q.retryFailed()
	q.retryIDs()
	q.mergeIDs()
	q.reseal()
	q.noteSealed()
	q.mu.Lock()
	tailIDs := q.writer.tailIDs
	q.mu.Unlock()
	overdue := q.ids.Overdue(tailIDs, q.ages.older)
	q.mu.Lock()
	ok, full := q.health.brokenErr() == nil, q.space.fullReason() != ""
	aged := overdue && q.writer.tail != nil && !q.closed && ok && !full
	// A drained tail is rotated to free its space, unless it is small.
	idle := aged || q.writer.tail != nil && !q.closed && (ok || full) && q.writer.tail.disk > q.o.SegmentSize/8 && q.writer.tail.sum.Chunks > 0 && q.drained(q.writer.tail)
	q.mu.Unlock()
	if idle {
		rotate := func() error {
			return q.onTail(func(w *writer) error {
				if q.writer.tail.end.Load() == 0 {
					return nil
				}
				return w.rotate()
			})
		}
		err := rotate()
		if err != nil && disk.NoSpace(err) && q.useReserve() {
			err = rotate()
		}
		if err != nil && !errors.Is(err, ErrClosed) {
			if q.health.recordError(err, q.o.Now()) {
				q.o.Logger.Error("cannot start a new segment", "code", logs.SegmentNotStarted, "err", err)
			}
		}
		q.doTasks()
	}
}

// sealRotated seals a tail that was rotated out.
func (q *Queue) sealRotated(t task) {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	s := t.seal
	q.mu.Lock()
	sum := s.sum.Clone()
	skip := s.sealed || s.gone
	q.mu.Unlock()
	if t.ids != nil {
		if err := q.ids.WriteTail(t.ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory until they can be", "code", logs.IDsNotWritten, "err", err)
			q.tasks.later(s, t.ids)
			if !t.repair {
				skip = true // a sealed segment implies that its ids are in a file
			}
		}
	}
	q.mu.Lock()
	s.idsPending = false
	q.mu.Unlock()
	if skip {
		return
	}
	if t.repair {
		// Its last commit is in doubt and must not be in the sealed file.
		if _, err := q.salvage(s, false, nil, nil); err != nil {
			q.o.Logger.Error("cannot rewrite a segment that ended in doubt", "code", logs.SegmentNotCleaned, "err", err)
			q.pool.Shut(&s.File)
			q.install(s, sum, false) // readers stop at end, before the range in doubt
		}
		q.recount()
		return
	}
	if sum.Chunks == 0 {
		if err := q.discard(s); err != nil {
			q.o.Logger.Warn("cannot remove an empty segment", "code", logs.SegmentNotRemoved, "err", err)
		}
		return
	}
	err := s.Seal(&sum, q.o.NoSync)
	if err != nil {
		q.o.Logger.Warn("cannot seal a segment; it is read unsealed", "code", logs.SegmentNotSealed, "err", err)
	}
	q.install(s, sum, err == nil)
}

// sealOnClose seals the tail, so that the next open need not rebuild anything. The writer
// and the background goroutine have ended.
func (q *Queue) sealOnClose() error {
	q.mu.Lock()
	doubt := q.writer.tail.doubt
	q.writer.tail.tail = false
	q.mu.Unlock()
	if doubt {
		return nil // the next open handles it
	}
	q.sealRotated(task{seal: q.writer.tail, ids: q.writer.tailIDs})
	q.removeSettled()
	q.noteSealed()
	return nil
}

// removeSettled unlinks the segments that every lane has settled. Invariant: a lane's
// settled blocks of a segment stay in meta.db for as long as its file exists or can come
// back after a power cut. Otherwise its records would be pending again.
func (q *Queue) removeSettled() {
	if q.readOnly {
		return
	}
	q.recounting.Lock()
	defer q.recounting.Unlock()
	q.noting.Lock()
	defer q.noting.Unlock()
	q.mu.Lock()
	passed := slices.Clone(q.segs)
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.removable(s) })
	q.mu.Unlock()
	nums := make([]uint64, len(passed))
	for i, s := range passed {
		nums[i] = s.Num
	}
	if len(passed) == 0 || !q.forgetSealed(nums...) {
		return
	}
	q.mu.Lock()
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.removable(s) }) // a backup can have begun meanwhile
	for _, s := range passed {
		s.gone, q.leaving[s.Num] = true, true
	}
	q.segs = slices.DeleteFunc(q.segs, func(s *seg) bool { return slices.Contains(passed, s) })
	q.mu.Unlock()
	var errs []error
	for _, s := range passed {
		q.pool.Shut(&s.File)
		errs = append(errs, files.Remove(s.Path))
	}
	if !q.o.NoSync {
		errs = append(errs, files.SyncDir(q.dir))
	}
	if err := errors.Join(errs...); err != nil {
		q.o.Logger.Warn("cannot remove a drained segment", "code", logs.SegmentNotRemoved, "err", err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range passed {
		delete(q.leaving, s.Num)
	}
}
