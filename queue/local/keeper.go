package local

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
)

// task is something for the keeper.
type task struct {
	seal   *seg      // a tail that was rotated out
	ids    *ids.Tail // its ids
	repair bool      // it ended in doubt
	tidy   bool      // segments may have been passed
	room   bool      // the high mark is reached
	count  string    // a lane, what it has waiting is to be counted again
}

// keep hands the keeper a task.
func (q *Queue) keep(t task) {
	q.mu.Lock()
	if !t.tidy && !t.room || !slices.ContainsFunc(q.tasks, func(o task) bool { return o.tidy && t.tidy || o.room && t.room }) {
		q.tasks = append(q.tasks, t)
	}
	q.mu.Unlock()
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

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
		case <-q.kick:
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
		q.mu.Lock()
		if len(q.tasks) == 0 {
			q.mu.Unlock()
			return
		}
		t := q.tasks[0]
		q.tasks = slices.Delete(q.tasks, 0, 1)
		q.mu.Unlock()
		switch {
		case t.seal != nil:
			q.sealRotated(t)
			q.tidy()
			q.measure()
		case t.tidy:
			q.tidy()
			q.mu.Lock()
			full := q.full != ""
			q.mu.Unlock()
			if full {
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

// openOld looks at what lay there before: first at the ids that are not in a
// file yet, which the first append waits for, then at the rest, oldest first.
func (q *Queue) openOld() {
	q.mu.Lock()
	old := slices.Clone(q.segs)
	if q.tail != nil {
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
	close(q.idsReady)
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
		if err := q.ids.File(t.ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory until they can be", "code", logs.IDsNotWritten, "err", err)
			q.mu.Lock()
			q.unfiled = append(q.unfiled, task{seal: s, ids: t.ids})
			q.mu.Unlock()
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
	doubt := q.tail.doubt
	q.tail.tail = false
	q.mu.Unlock()
	if doubt {
		return nil // the next open sorts it out
	}
	q.sealRotated(task{seal: q.tail, ids: q.tailIDs})
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
	q.counting.held.Lock()
	defer q.counting.held.Unlock()
	q.noting.Lock()
	defer q.noting.Unlock()
	q.mu.Lock()
	passed := slices.Clone(q.segs)
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.segPassed(s) })
	q.mu.Unlock()
	nums := make([]uint64, len(passed))
	for i, s := range passed {
		nums[i] = s.Num
	}
	if len(passed) == 0 || !q.forgetSealed(nums...) {
		return
	}
	q.mu.Lock()
	passed = slices.DeleteFunc(passed, func(s *seg) bool { return !q.segPassed(s) }) // a backup may have begun
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

// oldestFromReady is oldestFrom that does not wait for segments being opened.
func (q *Queue) oldestFromReady(name string, at Seq) int64 {
	q.mu.Lock()
	for _, s := range q.segs {
		if s.Num >= uint64(at>>32) && !isClosed(s.ready) {
			q.mu.Unlock()
			return 0
		}
		if c := s.sum.Lane(name); c != nil && s.First()+Seq(c.Last) >= at {
			break
		}
	}
	q.mu.Unlock()
	return q.oldestFrom(name, at)
}
