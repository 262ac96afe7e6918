package local

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/local/directory"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/files"
)

// What goes for want of room, and how it is counted. A policy drops for the
// queue's own bound only: what other files take of the volume, and which lane
// gets on, decide nothing here.

// errBusy says that something is not to be had at this moment. Keeper and
// writer do not wait for it: who holds it may be waiting for them.
var errBusy = errors.New("busy")

// dropLaneTo settles a lane up to end, counting what it had as dropped. errBusy:
// the lane is being settled.
func (q *Queue) dropLaneTo(name string, end Seq, why string) error {
	q.mu.Lock()
	l := q.lane(name)
	q.mu.Unlock()
	if !l.settling.TryLock() {
		return errBusy
	}
	defer l.settling.Unlock()
	return q.dropTo(l, end, why)
}

// dropTo is dropLaneTo for who holds l.settling.
func (q *Queue) dropTo(l *lane, end Seq, why string) error {
	q.mu.Lock()
	set := l.set
	end = min(end, q.endSeq())
	q.mu.Unlock()
	if set.Cursor() >= end {
		return nil
	}
	n, _, err := q.countOpen(l, set, set.Cursor(), end)
	if err != nil {
		return err
	}
	if err := q.settle(l, Settlement{Settled: queue.UpTo(end), Counts: map[string]int{"dropped:" + why: int(n)}}); err != nil {
		return err
	}
	q.counters.dropped(why, n)
	if n > 0 {
		q.o.Logger.Warn("dropped records", "code", logs.RecordsDropped, "lane", l.name, "reason", why, "records", n)
	}
	return nil
}

// makeRoom does what room decides when the queue is full.
func (q *Queue) makeRoom() {
	do := q.space.decide(q.inSegments())
	most := q.space.max / 16 // of what was quarantined
	if do >= capacity.Compact && q.squeeze() ||
		do >= capacity.Drop && (q.dropKept() || q.shrink(queue.LaneUnmapped, q.waitsTo(queue.LaneUnmapped), queue.DropMaxSize) || q.trimBad(most)) {
		q.measure()
		return
	}
	if do == capacity.DropOldest {
		q.dropOldest(func() bool {
			q.look()
			return q.belowMark()
		})
	}
}

// dropKept drops copies of what was handed over, the oldest first, a segment at a time,
// until intake may open. What is not handed over yet stays: it would free nothing.
func (q *Queue) dropKept() (freed bool) {
	q.dropping.Lock()
	defer q.dropping.Unlock()
	for !isClosed(q.stop) {
		q.mu.Lock()
		enough := q.space.opens(q.onDisk())
		var s *seg
		end := Seq(0)
		if l := q.lanes[queue.LaneForward]; l != nil && !enough && q.hold == 0 {
			if i := slices.IndexFunc(q.segs, func(s *seg) bool { return q.holds(s, queue.LaneKept) }); i >= 0 {
				s = q.segs[i]
				end = min(s.First()+1<<32-1, l.set.Cursor())
			}
		}
		q.mu.Unlock()
		if s == nil || end <= s.First() {
			return freed
		}
		err := q.dropLaneTo(queue.LaneKept, end, queue.DropKept)
		if errors.Is(err, errBusy) {
			return freed
		}
		if err != nil {
			q.o.Logger.Warn("cannot drop the oldest records", "code", logs.DropFailed, "err", err)
			return freed
		}
		q.tidy()
		q.mu.Lock()
		gone, more := s.gone, q.holds(s, queue.LaneKept)
		q.mu.Unlock()
		if !gone {
			q.compact(s) // others wait for something in it
			q.recount()
		}
		freed = true
		if more {
			break
		}
	}
	return freed
}

// dropOldest drops the oldest that the largest lane has, a segment at a time,
// until enough says that there is room again: a lane with little waiting does not
// pay for one with much. It waits neither for a segment that cannot be read yet
// (the keeper may be the one to repair it) nor for a lane that is being settled:
// the keeper looks again in a second.
func (q *Queue) dropOldest(enough func() bool) {
	q.dropKept()
	q.dropping.Lock()
	defer q.dropping.Unlock()
	q.tidy() // what a crash left to be unlinked is room, too
	for !enough() && !isClosed(q.stop) {
		name, s := q.oldestOfLargest()
		if s == nil {
			return
		}
		err := q.dropLaneTo(name, s.First()+1<<32-1, queue.DropMaxSize)
		if errors.Is(err, errBusy) {
			return
		}
		if err != nil {
			q.o.Logger.Warn("cannot drop the oldest records", "code", logs.DropFailed, "err", err)
			return
		}
		q.tidy()
		q.mu.Lock()
		gone, waiting, records := s.gone, q.waitingIn(s), s.sum.Records
		q.mu.Unlock()
		switch {
		case gone:
		case waiting == 0:
			if !q.sealNow(s) {
				return // it cannot be unlinked yet: to drop more would free nothing either
			}
			q.tidy()
		case waiting < records:
			q.compact(s) // others wait for something in it
			q.recount()
		}
	}
}

// sealNow does what the keeper has not come to yet about a tail that was rotated
// out, without which its segment must not be deleted yet. It says whether there was such work.
func (q *Queue) sealNow(s *seg) bool {
	q.mu.Lock()
	t, waits := q.tasks.next(func(t task) bool { return t.seal == s })
	filing := s.filing
	q.mu.Unlock()
	switch {
	case waits:
		q.sealRotated(t)
	case filing: // the keeper is at it
		time.Sleep(time.Millisecond)
		q.repairing.Lock()
		q.repairing.Unlock() //nolint:staticcheck // only the waiting matters
	}
	return filing
}

// oldestOfLargest gives the lane that has most waiting, of those that have
// something in a sealed segment, and the first such segment; nil: there is none,
// or one before has to be looked at first.
func (q *Queue) oldestOfLargest() (name string, oldest *seg) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hold > 0 {
		return "", nil
	}
	most := int64(-1)
	for _, n := range slices.Sorted(maps.Keys(q.lanes)) {
		if queue.IsBookkeeping(n) || q.lanes[n].bytes <= most {
			continue
		}
		for _, s := range q.segs {
			if !s.tail && s.failed == nil && !isClosed(s.ready) {
				break // what is behind it is not the oldest
			}
			if q.holds(s, n) {
				name, oldest, most = n, s, q.lanes[n].bytes
				break
			}
		}
	}
	return name, oldest
}

// trimBad removes the oldest of what was quarantined as damaged until the rest
// takes no more than most. It says whether that freed anything.
func (q *Queue) trimBad(most int64) (freed bool) {
	type bad struct {
		path string
		fi   os.FileInfo
	}
	var all []bad
	size := int64(0)
	es, err := os.ReadDir(q.dir)
	if err != nil {
		return false
	}
	for _, e := range es {
		if fi, err := e.Info(); err == nil && directory.Quarantined(e.Name()) {
			all = append(all, bad{filepath.Join(q.dir, e.Name()), fi})
			size += disk.Used(fi)
		}
	}
	slices.SortFunc(all, func(a, b bad) int { return a.fi.ModTime().Compare(b.fi.ModTime()) })
	for _, b := range all {
		if size <= most {
			break
		}
		size -= disk.Used(b.fi)
		if err := files.Remove(b.path); err != nil {
			q.o.Logger.Warn("cannot remove a damaged file", "code", logs.DamagedNotRemoved, "err", err)
			continue
		}
		freed = true
		q.o.Logger.Warn("removed a damaged file that was quarantined: its space is needed", "code", logs.DamagedRemoved, "file", filepath.Base(b.path))
	}
	return freed
}
