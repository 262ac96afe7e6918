package local

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue/local/internal/files"
)

// keep hands the keeper a task.
func (q *Queue) keep(t task) { q.tasks.put(t) }

// runKeeper does the background work: it looks at the segments left by the previous run,
// seals rotated ones, unlinks those every lane has passed, and keeps the bounds.
func (q *Queue) runKeeper() {
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
			q.tidy()
			q.measure()
		case t.tidy:
			q.tidy()
			if q.space.why() != "" {
				q.measure() // intake need not wait for the next look
				q.makeRoom()
			}
		case t.room:
			q.makeRoom()
		case t.count != "":
			q.recountLanes(t.count)
		}
	}
}

// periodic is what the keeper does every second.
func (q *Queue) periodic() {
	q.lookAround()
	q.tellAges()
	q.ids.Expire(q.ages.over)
	q.dead.tend()
	q.measure()
	q.makeRoom()
	q.saveLanes()
	q.retryFailed()
	q.retryIDs()
	q.mergeIDs()
	q.reseal()
	q.noteSealed()
	q.mu.Lock()
	tailIDs := q.writer.tailIDs
	q.mu.Unlock()
	overdue := q.ids.Overdue(tailIDs, q.ages.over)
	q.mu.Lock()
	ok, full := q.health.why() == nil, q.space.why() != ""
	aged := overdue && q.writer.tail != nil && !q.closed && ok && !full
	// A tail that has drained gives its space back, unless it is hardly used.
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
			if q.health.failed(err, q.now()) {
				q.o.Logger.Error("cannot start a new segment", "code", logs.SegmentNotStarted, "err", err)
			}
		}
		q.doTasks()
	}
}

// retryFailed tries again to open segments that could not be.
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

// openOld looks at what lay there before: first at the ids that are not in a
// file yet, which the first append waits for, then at the rest, oldest first.
func (q *Queue) openOld() {
	q.mu.Lock()
	old := slices.Clone(q.segs)
	if q.writer.tail != nil {
		old = old[:len(old)-1]
	}
	q.mu.Unlock()
	later := make(map[*seg]func() error) // what is left to do with those whose ids are known
	if !q.readOnly {
		again := q.recallOf(old)
		for _, s := range old {
			if again[s.Num] || !q.ids.Covers(s.Num) && !isSealed(s) {
				q.openFor(s, func() (err error) { later[s], err = q.recall(s); return err })
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
			q.bump()
			q.mu.Unlock()
		}
	}
	q.recount()
	q.dead.load()
	q.mu.Lock()
	q.opening = false
	q.bump()
	q.mu.Unlock()
	q.tidy()
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

// openFor runs fn, which makes s readable or fails.
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

// sealRotated finishes a tail that was rotated out.
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
				skip = true // a seal says that the ids are in a file
			}
		}
	}
	q.mu.Lock()
	s.filing = false
	q.mu.Unlock()
	if skip {
		return
	}
	if t.repair {
		// Its newest commit is in doubt: only a file without it will do.
		if _, err := q.salvage(s, false, nil, nil); err != nil {
			q.o.Logger.Error("cannot rewrite a segment that ended in doubt", "code", logs.SegmentNotCleaned, "err", err)
			q.pool.Shut(&s.File)
			q.install(s, sum, false) // end keeps the range in doubt from readers
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
		q.o.Logger.Warn("cannot seal a segment; it is read as it is", "code", logs.SegmentNotSealed, "err", err)
	}
	q.install(s, sum, err == nil)
}

// sealOnClose leaves the tail so that the next open has nothing to rebuild.
// Writer and keeper have ended.
func (q *Queue) sealOnClose() error {
	q.mu.Lock()
	doubt := q.writer.tail.doubt
	q.writer.tail.tail = false
	q.mu.Unlock()
	if doubt {
		return nil // the next open sorts it out
	}
	q.sealRotated(task{seal: q.writer.tail, ids: q.writer.tailIDs})
	q.tidy()
	q.noteSealed()
	return nil
}

// tidy unlinks the segments every lane has passed. Invariant: what lanes have
// settled of a segment stays on record for as long as its file may be there, or may
// be there again after a power cut: its records would wait once more.
func (q *Queue) tidy() {
	if q.readOnly {
		return
	}
	q.recounting.Lock()
	defer q.recounting.Unlock()
	q.noting.Lock()
	defer q.noting.Unlock()
	q.mu.Lock()
	passed := slices.Clone(q.segs)
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.passed(s) })
	q.mu.Unlock()
	nums := make([]uint64, len(passed))
	for i, s := range passed {
		nums[i] = s.Num
	}
	if len(passed) == 0 || !q.forgetSealed(nums...) {
		return
	}
	q.mu.Lock()
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.passed(s) }) // a backup may have begun
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
		q.o.Logger.Warn("cannot remove a segment that is drained", "code", logs.SegmentNotRemoved, "err", err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range passed {
		delete(q.leaving, s.Num)
	}
}
