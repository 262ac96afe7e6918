package local

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relay/queue"

	"relay/internal/disk"
	"relay/internal/logs"
)

// What goes for want of room, and how it is counted.

// dropLaneTo settles a lane up to end, counting what it had as dropped.
func (q *Queue) dropLaneTo(name string, end Seq, why string) error {
	q.mu.Lock()
	l := q.lane(name)
	q.mu.Unlock()
	l.settling.Lock()
	defer l.settling.Unlock()
	q.mu.Lock()
	from, moved := l.cursor, l.moved
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
	q.mu.Lock()
	l.moved = moved // its reader did not get on
	q.mu.Unlock()
	q.drop(why, n)
	if n > 0 {
		q.o.Logger.Warn("dropped records", "code", logs.RecordsDropped, "lane", name, "reason", why, "records", n)
	}
	return nil
}

// makeRoom frees space when the queue is full: first what nobody maps, then
// what was set aside, then what a lane keeps beyond its share, then by policy
// the oldest.
func (q *Queue) makeRoom() {
	q.mu.Lock()
	full := q.full
	sp := q.space
	if q.diskLocked() >= sp.high && full == "" {
		full = "max_size"
	}
	q.mu.Unlock()
	if full == "" {
		return
	}
	if q.shrink(queue.LaneUnmapped, q.beyond(0, queue.LaneUnmapped), queue.DropMaxSize) || q.trimBad(sp.max/16) {
		q.measure()
		return
	}
	if full == "disk_full" && sp.volFree >= sp.floor && sp.volFiles >= filesFloor && sp.disk < sp.high {
		return // there is room, if not yet enough to begin again
	}
	if q.o.LaneQuota > 0 && !q.o.DropOldest { // the oldest are what a stuck lane has
		if q.enforceQuota(int64(q.o.LaneQuota * float64(sp.max))) {
			q.measure()
			return
		}
	}
	if q.o.DropOldest {
		q.dropOldest(func() bool {
			q.look()
			q.mu.Lock()
			full := q.full
			q.mu.Unlock()
			return full == "" && q.belowMark()
		})
	}
}

// dropOldest drops segment after segment, the oldest first, until enough says
// that there is room again.
func (q *Queue) dropOldest(enough func() bool) {
	q.dropping.Lock()
	defer q.dropping.Unlock()
	for !enough() && !isClosed(q.stop) {
		q.mu.Lock()
		var s *segment
		if i := slices.IndexFunc(q.segs, func(s *segment) bool { return !s.tail && s.failed == nil }); i >= 0 && q.hold == 0 {
			s = q.segs[i]
		}
		var ready chan struct{}
		if s != nil {
			ready = s.ready
		}
		names := slices.Sorted(maps.Keys(q.lanes))
		q.mu.Unlock()
		if s == nil {
			return
		}
		select { // after a start it may not have been looked at
		case <-ready:
		case <-q.stop:
			return
		}
		for _, n := range names {
			if err := q.dropLaneTo(n, s.first()+1<<32-1, queue.DropMaxSize); err != nil {
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
