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

// Dropping records to free space. Records are dropped only for the queue's own limit,
// never because other files fill the volume, and regardless of which lane is draining.

// errBusy means that a lock is held by another goroutine. The background goroutine and the
// writer do not wait for it, since its holder can be waiting for them.
var errBusy = errors.New("busy")

// dropLaneTo settles the records of a lane before end and counts them as dropped. It
// returns errBusy if the lane is being settled.
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

// dropTo is dropLaneTo for a caller that holds l.settling.
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

// makeRoom frees space if the queue is full.
func (q *Queue) makeRoom() {
	do := q.space.decide(q.segmentBytes())
	limit := q.space.max / 16 // limit of quarantined files
	if do >= capacity.Compact && q.compactSparse() ||
		do >= capacity.Drop && (q.dropKept() || q.dropSealed(queue.LaneUnmapped, q.pendingEnd(queue.LaneUnmapped), queue.DropMaxSize) || q.trimQuarantined(limit)) {
		q.measure()
		return
	}
	if do == capacity.DropOldest {
		q.dropOldest(func() bool {
			q.measureVolume()
			return q.belowMark()
		})
	}
}

// dropKept drops records of LaneKept, oldest first, one segment at a time, until intake can
// open. It keeps those that were not forwarded yet: dropping them would free nothing.
func (q *Queue) dropKept() (freed bool) {
	q.dropping.Lock()
	defer q.dropping.Unlock()
	for !isClosed(q.stop) {
		q.mu.Lock()
		enough := q.space.belowLow(q.segmentBytesLocked())
		var s *seg
		end := Seq(0)
		if l := q.lanes[queue.LaneForward]; l != nil && !enough && q.backups == 0 {
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
		q.removeSettled()
		q.mu.Lock()
		gone, more := s.gone, q.holds(s, queue.LaneKept)
		q.mu.Unlock()
		if !gone {
			q.compact(s) // other lanes still need some of it
			q.recount()
		}
		freed = true
		if more {
			break
		}
	}
	return freed
}

// dropOldest drops the oldest records of the lane with the most bytes, one segment at a
// time, until enough returns true: a lane with few pending records does not pay for one
// with many. It waits neither for a segment that cannot be read yet (the background
// goroutine might have to repair it) nor for a lane that is being settled: the background
// goroutine tries again in a second.
func (q *Queue) dropOldest(enough func() bool) {
	q.dropKept()
	q.dropping.Lock()
	defer q.dropping.Unlock()
	q.removeSettled() // segments that a crash left unlinked are space, too
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
		q.removeSettled()
		q.mu.Lock()
		gone, waiting, records := s.gone, q.maxPending(s), s.sum.Records
		q.mu.Unlock()
		switch {
		case gone:
		case waiting == 0:
			if !q.sealNow(s) {
				return // it cannot be unlinked yet: dropping more would free nothing either
			}
			q.removeSettled()
		case waiting < records:
			q.compact(s) // other lanes still need some of it
			q.recount()
		}
	}
}

// sealNow seals a rotated tail that the background goroutine has not sealed yet, since an
// unsealed segment must not be deleted. It reports whether the segment was unsealed.
func (q *Queue) sealNow(s *seg) bool {
	q.mu.Lock()
	t, waits := q.tasks.next(func(t task) bool { return t.seal == s })
	filing := s.idsPending
	q.mu.Unlock()
	switch {
	case waits:
		q.sealRotated(t)
	case filing: // the background goroutine is sealing it
		time.Sleep(time.Millisecond)
		q.repairing.Lock()
		q.repairing.Unlock() //nolint:staticcheck // only to wait for it
	}
	return filing
}

// oldestOfLargest returns the lane with the most bytes among those with pending records in
// a sealed segment, and the first such segment. It returns nil if there is none, or if an
// earlier segment has not been opened yet.
func (q *Queue) oldestOfLargest() (name string, oldest *seg) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.backups > 0 {
		return "", nil
	}
	most := int64(-1)
	for _, n := range slices.Sorted(maps.Keys(q.lanes)) {
		if queue.IsBookkeeping(n) || q.lanes[n].bytes <= most {
			continue
		}
		for _, s := range q.segs {
			if !s.tail && s.failed == nil && !isClosed(s.ready) {
				break // the segments after it are not the oldest
			}
			if q.holds(s, n) {
				name, oldest, most = n, s, q.lanes[n].bytes
				break
			}
		}
	}
	return name, oldest
}

// trimQuarantined removes quarantined files, oldest first, until they take at most limit
// bytes. It reports whether that freed anything.
func (q *Queue) trimQuarantined(limit int64) (freed bool) {
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
		if size <= limit {
			break
		}
		size -= disk.Used(b.fi)
		if err := files.Remove(b.path); err != nil {
			q.o.Logger.Warn("cannot remove a damaged file", "code", logs.DamagedNotRemoved, "err", err)
			continue
		}
		freed = true
		q.o.Logger.Warn("removed a quarantined file: its space is needed", "code", logs.DamagedRemoved, "file", filepath.Base(b.path))
	}
	return freed
}
