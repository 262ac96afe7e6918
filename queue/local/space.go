package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/room"
	"relay/queue/local/internal/segment"
)

const (
	reserveName = "reserve"
	defaultMax  = 4 << 30
)

// space is how much room there is; under Queue.mu.
type space struct {
	max              int64
	marks            room.Marks
	volSize, volFree int64
	volFiles         int64 // how many files the volume still takes
	reserve          int64 // size of the reserve file
	haveReserve      bool
	other            int64 // what the directory holds besides segments
}

// checkSpace sets the bounds, and refuses one that the volume cannot hold.
func (q *Queue) checkSpace() error {
	vol, err := disk.VolumeOf(q.dir)
	if err != nil {
		return err
	}
	sp, size := &q.space, vol.Size
	sp.volSize, sp.volFree = size, vol.Free
	sp.max = q.o.MaxSize
	if sp.max == 0 {
		sp.max = min(defaultMax, size/5*4)
	} else if sp.max > size && !q.readOnly {
		return fmt.Errorf("max_size %d is more than the volume's %d bytes: %w", sp.max, size, ErrTooSmall)
	}
	// All that takes room is a share of the whole, so that there is some left for
	// records whatever its size.
	q.o.SegmentSize = min(q.o.SegmentSize, max(64<<10, sp.max/16))
	q.o.DedupIDs = min(q.o.DedupIDs, sp.max/8/ids.Row)
	q.o.DeadMaxSize = min(q.o.DeadMaxSize, sp.max/4)
	sp.marks = room.NewMarks(sp.max, q.o.SegmentSize, size, q.o.DropOldest)
	sp.reserve = min(8<<20, size/100, sp.max/32)
	return nil
}

// keepSales is how many ids of sales are remembered.
func (q *Queue) keepSales() int64 { return min(4*q.o.DedupIDs, q.space.max/8/ids.Row) }

// setFull stops accepting.
func (q *Queue) setFull(why string) {
	q.mu.Lock()
	was := q.full
	q.full = why
	q.mu.Unlock()
	if was == "" {
		q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", "code", logs.QueueFull, "reason", why)
	}
}

// measure looks at the disk and opens or shuts intake by the marks.
func (q *Queue) measure() {
	q.look()
	q.mu.Lock()
	full, broken := q.full, q.broken
	q.mu.Unlock()
	if full != "" {
		return
	}
	if broken != nil {
		_ = q.onTail(func(w *writer) error { return w.usable() })
	}
	q.makeReserve()
}

// look is measure that waits for nobody.
func (q *Queue) look() {
	vol, err := disk.VolumeOf(q.dir)
	if err != nil {
		q.o.Logger.Warn("cannot ask the volume", "code", logs.VolumeUnknown, "err", err)
		return
	}
	q.lookBesides()
	q.mu.Lock()
	sp := &q.space
	sp.volSize, sp.volFree = vol.Size, vol.Free
	if sp.volFiles = vol.FreeFiles; vol.Files == 0 {
		sp.volFiles = 2 * room.FilesFloor // the volume has no such bound
	}
	was := q.full
	full := sp.marks.Full(q.seen())
	q.full = full
	q.mu.Unlock()
	switch {
	case was == "" && full != "":
		q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", "code", logs.QueueFull, "reason", full)
	case was != "" && full == "":
		q.o.Logger.Info("queue has room again", "code", logs.QueueOK)
	}
}

// seen is what room decides by. q.mu is held.
func (q *Queue) seen() room.View {
	return room.View{Full: q.full, Used: q.diskLocked(), VolFree: q.space.volFree, VolFiles: q.space.volFiles}
}

// lookBesides looks at what the directory holds beside the segments, and
// beside what its owner keeps in directories of its own there: how much that
// takes on disk, and how many files were quarantined as damaged.
func (q *Queue) lookBesides() {
	size, bad := int64(0), 0
	es, err := os.ReadDir(q.dir)
	if err != nil {
		return
	}
	for _, e := range es {
		if e.IsDir() || strings.HasSuffix(e.Name(), segment.Suffix) {
			continue
		}
		if quarantined(e.Name()) {
			bad++
		}
		if fi, err := e.Info(); err == nil {
			size += disk.Used(fi)
		}
	}
	q.mu.Lock()
	q.space.other, q.count.BadFiles = size, bad
	q.mu.Unlock()
}

// diskLocked is what the directory holds on disk. q.mu is held.
func (q *Queue) diskLocked() int64 {
	total := q.space.other
	for _, s := range q.segs {
		total += s.disk
	}
	return total
}

// fits says whether a commit of n bytes leaves the room that settling needs.
// One that does not shuts intake, unless it is merely too large itself.
func (w *writer) fits(n int64) bool {
	q := w.q
	waiting := ids.Row * q.ids.Waiting() // will be a file
	grow := w.q.tail.Growth(n)
	q.mu.Lock()
	used := q.diskLocked() + waiting
	ok := used+grow <= q.space.marks.Hard
	shut := !ok && !q.o.DropOldest && q.full == "" && used > q.space.marks.Low
	q.mu.Unlock()
	if shut {
		q.setFull(room.MaxSize)
	}
	return ok
}

// admit makes sure that a commit of n bytes fits, if need be and allowed by
// dropping what is oldest.
func (w *writer) admit(n int64) error {
	if w.fits(n) {
		return nil
	}
	if w.q.o.DropOldest {
		// More than is needed now: not every commit shall wait for room.
		w.q.dropOldest(func() bool { return w.q.belowMark() && w.fits(n) })
		if w.fits(n) {
			return nil
		}
	}
	return &FullError{RetryAfter: 30 * time.Second, Reason: room.MaxSize}
}

// belowMark says that there is room for the next segment below the high mark.
func (q *Queue) belowMark() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.diskLocked() < q.space.marks.High-q.o.SegmentSize
}

// nearFull shuts intake at the mark, without asking the disk. Where the
// oldest makes room it has that begin.
func (q *Queue) nearFull() {
	q.mu.Lock()
	near := q.diskLocked() >= q.space.marks.High && q.full == ""
	kept := q.lanes[queue.LaneKept]
	drops := q.o.DropOldest || kept != nil && kept.pending > 0
	q.mu.Unlock()
	switch {
	case near && drops:
		q.keep(task{room: true})
	case near:
		q.setFull(room.MaxSize)
	}
}

// shrinkReserve gives back what the reserve of a larger max_size had more, also
// while the queue is full by the smaller one.
func (q *Queue) shrinkReserve() error {
	path := filepath.Join(q.dir, reserveName)
	if fi, err := os.Stat(path); err != nil || fi.Size() <= q.space.reserve {
		return nil //nolint:nilerr // without one there is nothing to shrink
	}
	if err := files.Truncate(path, q.space.reserve); err != nil {
		return fmt.Errorf("shrink the reserve: %w", err)
	}
	return nil
}

// makeReserve sets aside room for cursors and dead letters on a volume that a
// neighbour fills.
func (q *Queue) makeReserve() {
	q.mu.Lock()
	have, n, free, floor := q.space.haveReserve, q.space.reserve, q.space.volFree, q.space.marks.Floor
	q.mu.Unlock()
	if have || free < floor+n {
		return
	}
	path := filepath.Join(q.dir, reserveName)
	fi, err := os.Stat(path)
	if err != nil || fi.Size() != n || disk.Used(fi) < n {
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = byte(i*7 + i>>8) // a volume that compresses or dedups gives no room back for zeros
		}
		parts := make([][]byte, 0, n/int64(len(b))+1)
		for left := n; left > 0; left -= int64(len(b)) {
			parts = append(parts, b[:min(left, int64(len(b)))])
		}
		if err := files.Write(path, q.o.NoSync, parts...); err != nil {
			q.o.Logger.Warn("cannot set the reserve aside", "code", logs.ReserveMissing, "err", err)
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
	if err != nil || fi.Size() == 0 || files.Remove(path) != nil {
		return false
	}
	q.mu.Lock()
	q.space.haveReserve = false
	q.mu.Unlock()
	q.o.Logger.Warn("no room on the volume: the reserve was given up so that draining goes on", "code", logs.ReserveUsed)
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
	q.tellAges()
	q.ids.Expire(q.over)
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
	tailIDs := q.tailIDs
	q.mu.Unlock()
	overdue := q.ids.Overdue(tailIDs, q.over)
	q.mu.Lock()
	aged := overdue && q.tail != nil && !q.closed && q.broken == nil && q.full == ""
	// A tail that has drained gives its space back, unless it is hardly used.
	idle := aged || q.tail != nil && !q.closed && (q.broken == nil || q.full != "") && q.tail.disk > q.o.SegmentSize/8 && q.tail.sum.Chunks > 0 && q.drainedLocked(q.tail)
	q.mu.Unlock()
	if idle {
		rotate := func() error {
			return q.onTail(func(w *writer) error {
				if q.tail.end.Load() == 0 {
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
			q.mu.Lock()
			again := q.lastErr == err.Error()
			q.lastErr, q.lastErrAt = err.Error(), q.now()
			q.mu.Unlock()
			if !again {
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
