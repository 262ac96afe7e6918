package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	reserveName = "reserve"
	defaultMax  = 4 << 30
)

// space is how much room there is; under Queue.mu.
type space struct {
	max, high, low           int64
	disk                     int64 // what the directory holds
	volSize, volFree         int64
	volFiles                 int64 // how many files the volume still takes
	floor                    int64 // free bytes of the volume under which nothing is accepted
	reserve                  int64 // size of the reserve file
	haveReserve, warnedSpace bool
	other                    int64 // of disk: what is not segments
}

// checkSpace sets the bounds, and refuses one that the volume cannot hold.
func (q *Queue) checkSpace() error {
	size, free, _, err := volume(q.dir)
	if err != nil {
		return err
	}
	sp := &q.space
	sp.volSize, sp.volFree = size, free
	sp.max = q.o.MaxSize
	if sp.max == 0 {
		sp.max = min(defaultMax, size/5*4)
	} else if sp.max > size && !q.readOnly {
		return fmt.Errorf("max_size %d is more than the volume's %d bytes: %w", sp.max, size, ErrTooSmall)
	}
	q.o.SegmentSize = min(q.o.SegmentSize, max(64<<10, sp.max/16))
	// Dead letters, ids and meta.db go on growing while what is full drains.
	sp.high = sp.max - max(sp.max/20, min(2*q.o.SegmentSize, sp.max/8))
	sp.low = sp.high - max(sp.max/10, min(2*q.o.SegmentSize, sp.max/4))
	sp.floor = min(64<<20, size/50)
	sp.reserve = min(8<<20, size/100)
	return nil
}

// setFull stops accepting.
func (q *Queue) setFull(why string) {
	q.mu.Lock()
	was := q.full
	q.full = why
	q.mu.Unlock()
	if was == "" {
		q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", slog.String("reason", why))
	}
}

// measure looks at the disk and opens or shuts intake by the marks.
func (q *Queue) measure() {
	size, free, files, err := volume(q.dir)
	if err != nil {
		q.o.Logger.Warn("cannot ask the volume", slog.Any("error", err))
		return
	}
	other := q.ids.diskBytes() + q.dead.diskBytes()
	if fi, err := os.Stat(filepath.Join(q.dir, metaName)); err == nil {
		other += diskSize(fi)
	}
	q.mu.Lock()
	sp := &q.space
	sp.volSize, sp.volFree, sp.other = size, free, other
	if sp.volFiles = files; files < 0 {
		sp.volFiles = 2 * filesFloor // the volume has no such bound
	}
	disk := other
	for _, s := range q.segs {
		disk += s.disk
	}
	sp.disk = disk
	was := q.full
	full := sp.marks(was)
	q.full = full
	broken := q.broken
	q.mu.Unlock()
	switch {
	case was == "" && full != "":
		q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", slog.String("reason", full))
	case was != "" && full == "":
		q.o.Logger.Info("queue has room again")
	}
	if broken != nil && full == "" {
		q.onTail(func(w *writer) error { return w.usable() })
	}
	if full == "" {
		q.makeReserve()
	}
}

// filesFloor is how many files the volume must still take for anything to be
// accepted: what drains needs some, for dead letters and for what is rewritten.
const filesFloor = 8

// marks says why nothing is accepted, if so; was is what it said before.
func (sp *space) marks(was string) string {
	switch {
	case sp.volFiles < filesFloor || sp.volFree < sp.floor:
		return "disk_full"
	case sp.disk >= sp.high:
		return "max_size"
	case was == "disk_full" && (sp.volFiles < 2*filesFloor || sp.volFree < sp.floor+sp.floor/2):
		return was
	case was == "max_size" && sp.disk > sp.low:
		return was
	}
	return ""
}

// nearFull lets the writer stop at the mark without asking the disk.
func (q *Queue) nearFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	disk := q.space.other
	for _, s := range q.segs {
		disk += s.disk
	}
	if disk < q.space.high {
		return false
	}
	if q.full == "" {
		q.full = "max_size"
		return true
	}
	return false
}

// makeReserve sets aside room for cursors and dead letters on a volume that a
// neighbour fills.
func (q *Queue) makeReserve() {
	q.mu.Lock()
	have, n, free, floor := q.space.haveReserve, q.space.reserve, q.space.volFree, q.space.floor
	q.mu.Unlock()
	if have || free < floor+n {
		return
	}
	path := filepath.Join(q.dir, reserveName)
	fi, err := os.Stat(path)
	if err != nil || diskSize(fi) < n {
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = byte(i*7 + i>>8) // a volume that compresses or dedups gives no room back for zeros
		}
		parts := make([][]byte, 0, n/int64(len(b)))
		for range n / int64(len(b)) {
			parts = append(parts, b)
		}
		if err := writeFile(path, q.o.NoSync, parts...); err != nil {
			q.o.Logger.Warn("cannot set the reserve aside", slog.Any("error", err))
			return
		}
	}
	q.mu.Lock()
	q.space.haveReserve = true
	q.mu.Unlock()
}

// useReserve gives the reserve up; true when there was one.
func (q *Queue) useReserve() bool {
	path := filepath.Join(q.dir, reserveName)
	fi, err := os.Stat(path)
	if err != nil || fi.Size() == 0 || os.Remove(path) != nil {
		return false
	}
	q.mu.Lock()
	q.space.haveReserve = false
	q.mu.Unlock()
	q.o.Logger.Warn("no room on the volume: the reserve was given up so that draining goes on")
	return true
}

// drop counts records or letters that a policy or an operator removed.
func (q *Queue) drop(why string, n int64) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	q.count.Dropped[why] += n
	q.mu.Unlock()
}

// periodic is what the keeper does every second.
func (q *Queue) periodic() {
	now := q.now()
	q.ids.expire(now.Add(-q.o.DedupWindow).UnixMilli(), q.o.DedupIDs)
	if q.o.DeadMaxAge > 0 {
		if err := q.dead.expire(now.Add(-q.o.DeadMaxAge)); err != nil {
			q.o.Logger.Warn("cannot remove old dead letters", slog.Any("error", err))
		}
	}
	if q.o.MaxAge > 0 {
		q.expireRecords("", now.Add(-q.o.MaxAge).UnixMilli(), "max_age")
	}
	if q.o.KeepUnmapped > 0 {
		q.expireRecords(LaneUnmapped, now.Add(-q.o.KeepUnmapped).UnixMilli(), "keep_unmapped")
	}
	q.measure()
	q.makeRoom()
	q.retryFailed()
	q.reseal()
	q.mu.Lock()
	// A tail that has drained gives its space back, unless it is hardly used.
	idle := q.tail != nil && !q.closed && q.broken == nil && q.tail.disk > q.o.SegmentSize/8 && q.drainedLocked(q.tail)
	q.mu.Unlock()
	if idle {
		if err := q.onTail(func(w *writer) error {
			if q.tail.end.Load() == 0 {
				return nil
			}
			return w.rotate()
		}); err != nil && !errors.Is(err, ErrClosed) {
			q.o.Logger.Warn("cannot start a new segment", slog.Any("error", err))
		}
		q.doTasks()
	}
}

// drainedLocked says whether every lane has passed all of s.
func (q *Queue) drainedLocked(s *segment) bool {
	for i := range s.sum.lanes {
		c := &s.sum.lanes[i]
		if l := q.lanes[c.name]; l == nil || l.cursor <= s.first()+Seq(c.last) {
			return false
		}
	}
	return s.sum.Chunks > 0
}

// expireRecords settles, for one lane or for all, the sealed segments at the
// head whose records are all older than the time.
func (q *Queue) expireRecords(only string, before int64, why string) {
	q.mu.Lock()
	var end Seq
	for _, s := range q.segs {
		if s.tail || !isClosed(s.ready) || s.failed != nil || s.sum.Max >= before {
			break
		}
		end = s.first() + Seq(s.sum.Next)
	}
	var names []string
	for n, l := range q.lanes {
		if (only == "" || n == only) && l.pending > 0 && l.cursor < end {
			names = append(names, n)
		}
	}
	q.mu.Unlock()
	for _, n := range names {
		if err := q.dropLaneTo(n, end, why); err != nil {
			q.o.Logger.Warn("cannot drop old records", slog.Any("error", err))
		}
	}
}

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
		q.o.Logger.Warn("dropped records", slog.String("lane", name), slog.String("reason", why), slog.Int64("records", n))
	}
	return nil
}

// makeRoom frees space when the queue is full: first what nobody maps, then
// what a lane keeps beyond its share, then by policy the oldest.
func (q *Queue) makeRoom() {
	q.mu.Lock()
	full := q.full
	sp := q.space
	q.mu.Unlock()
	if full == "" {
		return
	}
	if q.shrink(LaneUnmapped, 0, "max_size") {
		q.measure()
		return
	}
	if full == "disk_full" && sp.volFree >= sp.floor && sp.volFiles >= filesFloor && sp.disk < sp.high {
		return // there is room, if not yet enough to begin again
	}
	if q.o.LaneQuota > 0 {
		if q.enforceQuota(int64(q.o.LaneQuota * float64(sp.max))) {
			q.measure()
			return
		}
	}
	if !q.o.DropOldest {
		return
	}
	for {
		q.mu.Lock()
		var end Seq
		if len(q.segs) > 0 && !q.segs[0].tail && isClosed(q.segs[0].ready) {
			end = q.segs[0].first() + 1<<32 - 1
		}
		full := q.full
		names := make([]string, 0, len(q.lanes))
		for n := range q.lanes {
			names = append(names, n)
		}
		q.mu.Unlock()
		if end == 0 || full == "" || isClosed(q.stop) {
			return
		}
		slices.Sort(names)
		for _, n := range names {
			if err := q.dropLaneTo(n, end, "max_size"); err != nil {
				q.o.Logger.Warn("cannot drop the oldest records", slog.Any("error", err))
				return
			}
		}
		before := q.segCount()
		q.tidy()
		if q.segCount() == before {
			return
		}
		q.measure()
	}
}

func (q *Queue) segCount() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.segs)
}

// retryFailed tries again to open segments that could not be.
func (q *Queue) retryFailed() {
	q.mu.Lock()
	var again []*segment
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

// badFiles counts what was set aside.
func badFiles(names []string) (n int) {
	for _, name := range names {
		if strings.HasSuffix(name, badSuffix) {
			n++
		}
	}
	return n
}
