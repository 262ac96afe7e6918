package local

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relay/queue"

	"relay/internal/disk"
	"relay/internal/logs"
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
	q.mu.Lock()
	from := l.cursor
	q.mu.Unlock()
	if from >= end {
		return nil
	}
	n, _, err := q.countRange(name, from, end)
	if err != nil {
		return err
	}
	if err := q.settle(l, Settlement{Cursor: end, Counts: map[string]int{"dropped:" + why: int(n)}}); err != nil {
		return err
	}
	q.drop(why, n)
	if n > 0 {
		q.o.Logger.Warn("dropped records", "code", logs.RecordsDropped, "lane", name, "reason", why, "records", n)
	}
	return nil
}

// makeRoom frees space when the queue is full. First what nobody waits for is
// squeezed out of the segments. The rest happens only when the queue has reached
// its own bound, not when something else fills the volume: what nobody maps goes,
// then what was set aside as damaged, then by policy the oldest.
func (q *Queue) makeRoom() {
	q.mu.Lock()
	full, sp := q.full, q.space
	atBound := full == "max_size" || q.diskLocked() >= sp.high
	q.mu.Unlock()
	if full == "" && !atBound {
		return
	}
	if full == "disk_full" && sp.volFree >= sp.floor && sp.volFiles >= filesFloor && !atBound {
		return // there is room, if not yet enough to begin again
	}
	if q.squeeze() {
		q.measure()
		return
	}
	if !atBound {
		return
	}
	if q.shrink(queue.LaneUnmapped, q.waitsTo(queue.LaneUnmapped), queue.DropMaxSize) || q.trimBad(sp.max/16) {
		q.measure()
		return
	}
	if q.o.DropOldest {
		q.dropOldest(func() bool {
			q.look()
			return q.belowMark()
		})
	}
}

// dropOldest drops segment after segment, the oldest first, until enough says
// that there is room again. It waits neither for a segment that cannot be read
// yet (the keeper may be the one to repair it) nor for a lane that is being
// settled: the keeper looks again in a second.
func (q *Queue) dropOldest(enough func() bool) {
	q.dropping.Lock()
	defer q.dropping.Unlock()
	for !enough() && !isClosed(q.stop) {
		q.mu.Lock()
		var s *segment
		if i := slices.IndexFunc(q.segs, func(s *segment) bool { return !s.tail && s.failed == nil }); i >= 0 && q.hold == 0 && isClosed(q.segs[i].ready) {
			s = q.segs[i]
		}
		names := slices.Sorted(maps.Keys(q.lanes))
		q.mu.Unlock()
		if s == nil {
			return
		}
		for _, n := range names {
			err := q.dropLaneTo(n, s.first()+1<<32-1, queue.DropMaxSize)
			if errors.Is(err, errBusy) {
				return
			}
			if err != nil {
				q.o.Logger.Warn("cannot drop the oldest records", "code", logs.DropFailed, "err", err)
				return
			}
		}
		before := q.segCount()
		q.tidy()
		if q.segCount() >= before {
			return
		}
	}
}

// trimBad removes the oldest of what was set aside as damaged until the rest
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
		if fi, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), badSuffix) {
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
		if err := removeFile(b.path); err != nil {
			q.o.Logger.Warn("cannot remove a damaged file", "code", logs.DamagedNotRemoved, "err", err)
			continue
		}
		freed = true
		q.o.Logger.Warn("removed a damaged file that was set aside: its room is needed", "code", logs.DamagedRemoved, "file", filepath.Base(b.path))
	}
	return freed
}

func (q *Queue) segCount() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.segs)
}
