package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/local/directory"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/segment"
)

const defaultMax = 4 << 30

// space is how much room the queue has, and whether that is too little to accept
// anything. What its segments take changes under Queue.mu and is told with each
// question. Its methods may be called with any lock held, and ask no disk.
type space struct {
	max     int64 // of the directory; fixed at Open, as is reserve
	reserve int64 // size of the reserve file

	mu          sync.Mutex
	marks       capacity.Marks
	vol         disk.Volume
	other       int64 // what the directory holds besides segments
	haveReserve bool
	full        string // why nothing is accepted; "": there is room
}

// view is what package room decides by. s.mu is held.
func (s *space) view(segments int64) capacity.Usage {
	v := capacity.Usage{Full: s.full, Used: s.other + segments, VolFree: s.vol.Free, VolFiles: s.vol.FreeFiles}
	if s.vol.Files == 0 {
		v.VolFiles = 2 * capacity.MinFiles // the volume has no such bound
	}
	return v
}

// decide says what is to be done for room.
func (s *space) decide(segments int64) capacity.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.Decide(s.view(segments))
}

// look opens or shuts intake by how the volume stands now.
func (s *space) look(vol disk.Volume, segments int64) (was, full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vol, was = vol, s.full
	s.full = s.marks.Full(s.view(segments))
	return was, s.full
}

// shut says why nothing is accepted, and whether that is news.
func (s *space) shut(why string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news, s.full = s.full == "", why
	return news
}

// why gives the reason that nothing is accepted; "": there is room.
func (s *space) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// besides takes note of what the directory holds besides segments.
func (s *space) besides(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.other = size
}

// reserved takes note of whether the reserve is there.
func (s *space) reserved(have bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.haveReserve = have
}

// takes says whether the volume has n bytes more than what it must keep free.
func (s *space) takes(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vol.Free >= s.marks.Floor+n
}

// holds says whether the volume takes n bytes at all.
func (s *space) holds(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return n < s.vol.Free
}

// show fills in what Stats says of it.
func (s *space) show(st *Stats, segments int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.DiskBytes = s.other + segments
	st.MaxSize, st.HighMark, st.LowMark = s.max, s.marks.High, s.marks.Low
	st.VolumeFree, st.VolumeSize, st.Reserve = s.vol.Free, s.vol.Size, s.haveReserve
	st.Full = s.full
}

// fits says whether what takes n bytes more leaves the room that settling needs. low:
// it does not because the queue is full, rather than because it is too large itself.
func (s *space) fits(segments, n int64) (ok, low bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.other + segments
	ok = used+n <= s.marks.Hard
	return ok, !ok && s.full == "" && used > s.marks.Low
}

// below says whether n bytes more stay below the mark that shuts intake.
func (s *space) below(segments, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.other+segments+n < s.marks.High
}

// opens says whether so little is left that intake may open.
func (s *space) opens(segments int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.other+segments < s.marks.Low
}

// lacksReserve says whether there is none, and room for it.
func (s *space) lacksReserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.haveReserve && s.vol.Free >= s.marks.Floor+s.reserve
}

// checkSpace sets the bounds, and refuses one that the volume cannot hold.
func (q *Queue) checkSpace() error {
	vol, err := disk.VolumeOf(q.dir)
	if err != nil {
		return err
	}
	sp, size := &q.space, vol.Size
	sp.vol = vol
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
	sp.marks = capacity.NewMarks(sp.max, q.o.SegmentSize, size, q.o.DropOldest)
	sp.reserve = min(8<<20, size/100, sp.max/32)
	return nil
}

// keepSales is how many ids of sales are remembered.
func (q *Queue) keepSales() int64 { return min(4*q.o.DedupIDs, q.space.max/8/ids.Row) }

// setFull stops accepting.
func (q *Queue) setFull(why string) {
	if q.space.shut(why) {
		q.tellFull(why)
	}
}

func (q *Queue) tellFull(why string) {
	q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", "code", logs.QueueFull, "reason", why)
}

// measure looks at the disk and opens or shuts intake by the marks.
func (q *Queue) measure() {
	q.look()
	if q.space.why() != "" {
		return
	}
	if q.health.why() != nil {
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
	switch was, full := q.space.look(vol, q.inSegments()); {
	case was == "" && full != "":
		q.tellFull(full)
	case was != "" && full == "":
		q.o.Logger.Info("queue has room again", "code", logs.QueueOK)
	}
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
		if directory.Quarantined(e.Name()) {
			bad++
		}
		if fi, err := e.Info(); err == nil {
			size += disk.Used(fi)
		}
	}
	q.space.besides(size)
	q.counters.count(func(st *Stats) { st.BadFiles = bad })
}

// fits says whether a commit of n bytes leaves the room that settling needs.
// One that does not shuts intake, unless it is merely too large itself.
func (w *writer) fits(n int64) bool {
	q := w.q
	waiting := ids.Row * q.ids.InMemory() // will be a file
	ok, low := q.space.fits(q.inSegments()+waiting, q.writer.tail.Growth(n))
	if low && !q.o.DropOldest {
		q.setFull(capacity.MaxSize)
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
	return &FullError{RetryAfter: 30 * time.Second, Reason: capacity.MaxSize}
}

// belowMark says that there is room for the next segment below the high mark.
func (q *Queue) belowMark() bool { return q.space.below(q.inSegments(), q.o.SegmentSize) }

// nearFull shuts intake at the mark, without asking the disk. Where the
// oldest makes room it has that begin.
func (q *Queue) nearFull() {
	q.mu.Lock()
	segments, kept := q.onDisk(), q.lanes[queue.LaneKept]
	drops := q.o.DropOldest || kept != nil && kept.pending > 0
	q.mu.Unlock()
	switch near := !q.space.below(segments, 0) && q.space.why() == ""; {
	case near && drops:
		q.keep(task{room: true})
	case near:
		q.setFull(capacity.MaxSize)
	}
}

// shrinkReserve gives back what the reserve of a larger max_size had more, also
// while the queue is full by the smaller one.
func (q *Queue) shrinkReserve() error {
	path := filepath.Join(q.dir, directory.Reserve)
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
	if !q.space.lacksReserve() {
		return
	}
	path, n := filepath.Join(q.dir, directory.Reserve), q.space.reserve
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
	q.space.reserved(true)
}

// useReserve gives the reserve up; true when there was one.
func (q *Queue) useReserve() bool {
	path := filepath.Join(q.dir, directory.Reserve)
	fi, err := os.Stat(path)
	if err != nil || fi.Size() == 0 || files.Remove(path) != nil {
		return false
	}
	q.space.reserved(false)
	q.o.Logger.Warn("no room on the volume: the reserve was given up so that draining goes on", "code", logs.ReserveUsed)
	return true
}
