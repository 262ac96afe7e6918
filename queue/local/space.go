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

// space tracks how much of the queue's space is used and whether intake is closed. The
// size of the segments changes under Queue.mu, so callers pass it in. Its methods can be
// called with any lock held and do not touch the disk.
type space struct {
	max     int64 // maximum bytes of the directory; fixed at Open, like reserve
	reserve int64 // size of the reserve file

	mu          sync.Mutex
	marks       capacity.Marks
	vol         disk.Volume
	other       int64 // bytes of the directory's files other than segments
	haveReserve bool
	full        string // why intake is closed; "": it is open
}

// usage returns the input of package capacity. The caller holds s.mu.
func (s *space) usage(segments int64) capacity.Usage {
	v := capacity.Usage{Full: s.full, Used: s.other + segments, VolFree: s.vol.Free, VolFiles: s.vol.FreeFiles}
	if s.vol.Files == 0 {
		v.VolFiles = 2 * capacity.MinFiles // the volume does not limit the number of files
	}
	return v
}

// decide returns what to do to free space.
func (s *space) decide(segments int64) capacity.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.Decide(s.usage(segments))
}

// update opens or closes intake according to the state of the volume.
func (s *space) update(vol disk.Volume, segments int64) (was, now string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vol, was = vol, s.full
	s.full = s.marks.Full(s.usage(segments))
	return was, s.full
}

// shut closes intake. It reports whether intake was open.
func (s *space) shut(why string) (wasOpen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasOpen, s.full = s.full == "", why
	return wasOpen
}

// fullReason returns why intake is closed; "": it is open.
func (s *space) fullReason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// setOther sets the size of the files other than segments.
func (s *space) setOther(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.other = size
}

// setReserve sets whether the reserve file exists.
func (s *space) setReserve(have bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.haveReserve = have
}

// hasFree reports whether the volume has n free bytes above the floor.
func (s *space) hasFree(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vol.Free >= s.marks.Floor+n
}

// fits reports whether the volume has n free bytes at all.
func (s *space) fits(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return n < s.vol.Free
}

// fill sets the fields of Stats about space.
func (s *space) fill(st *Stats, segments int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.DiskBytes = s.other + segments
	st.MaxSize, st.HighMark, st.LowMark = s.max, s.marks.High, s.marks.Low
	st.VolumeFree, st.VolumeSize, st.Reserve = s.vol.Free, s.vol.Size, s.haveReserve
	st.Full = s.full
}

// fitsCommit reports whether n more bytes leave the space that settling needs. If not,
// full reports whether the queue is too full, as opposed to the commit being too large.
func (s *space) fitsCommit(segments, n int64) (ok, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.other + segments
	ok = used+n <= s.marks.Hard
	return ok, !ok && s.full == "" && used > s.marks.Low
}

// belowHigh reports whether the queue with n more bytes is below the mark that closes intake.
func (s *space) belowHigh(segments, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.other+segments+n < s.marks.High
}

// belowLow reports whether the queue is below the mark that opens intake.
func (s *space) belowLow(segments int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.other+segments < s.marks.Low
}

// needsReserve reports whether the reserve file is missing and the volume has space for it.
func (s *space) needsReserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.haveReserve && s.vol.Free >= s.marks.Floor+s.reserve
}

// checkSpace sets the limits, and returns an error if the volume cannot hold them.
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
	// All limits are shares of the total, so that space for records is left whatever
	// the total is.
	q.o.SegmentSize = min(q.o.SegmentSize, max(64<<10, sp.max/16))
	q.o.DedupIDs = min(q.o.DedupIDs, sp.max/8/ids.Row)
	q.o.DeadMaxSize = min(q.o.DeadMaxSize, sp.max/4)
	sp.marks = capacity.NewMarks(sp.max, q.o.SegmentSize, size, q.o.DropOldest)
	sp.reserve = min(8<<20, size/100, sp.max/32)
	return nil
}

// keepSales returns how many ids of sales are remembered.
func (q *Queue) keepSales() int64 { return min(4*q.o.DedupIDs, q.space.max/8/ids.Row) }

// setFull closes intake.
func (q *Queue) setFull(why string) {
	if q.space.shut(why) {
		q.logFull(why)
	}
}

func (q *Queue) logFull(why string) {
	q.o.Logger.Warn("queue is full: nothing is accepted until some of it has drained", "code", logs.QueueFull, "reason", why)
}

// measure measures the disk, opens or closes intake, and retries what a full disk prevented.
func (q *Queue) measure() {
	q.measureVolume()
	if q.space.fullReason() != "" {
		return
	}
	if q.health.brokenErr() != nil {
		_ = q.onTail(func(w *writer) error { return w.ensureTail() })
	}
	q.makeReserve()
}

// measureVolume measures the disk and opens or closes intake. It does not wait for the writer.
func (q *Queue) measureVolume() {
	vol, err := disk.VolumeOf(q.dir)
	if err != nil {
		q.o.Logger.Warn("cannot read the state of the volume", "code", logs.VolumeUnknown, "err", err)
		return
	}
	q.measureOtherFiles()
	switch was, full := q.space.update(vol, q.segmentBytes()); {
	case was == "" && full != "":
		q.logFull(full)
	case was != "" && full == "":
		q.o.Logger.Info("queue has space again", "code", logs.QueueOK)
	}
}

// measureOtherFiles measures the files of the directory other than segments, without
// subdirectories, and counts the quarantined ones.
func (q *Queue) measureOtherFiles() {
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
	q.space.setOther(size)
	q.counters.count(func(st *Stats) { st.BadFiles = bad })
}

// fits reports whether a commit of n bytes leaves the space that settling needs. If it
// does not because the queue is full, fits closes intake.
func (w *writer) fits(n int64) bool {
	q := w.q
	waiting := ids.Row * q.ids.InMemory() // they will be written to a file
	ok, full := q.space.fitsCommit(q.segmentBytes()+waiting, q.writer.tail.Growth(n))
	if full && !q.o.DropOldest {
		q.setFull(capacity.MaxSize)
	}
	return ok
}

// makeSpace ensures that a commit of n bytes fits. With Options.DropOldest it drops the
// oldest records if necessary.
func (w *writer) makeSpace(n int64) error {
	if w.fits(n) {
		return nil
	}
	if w.q.o.DropOldest {
		// Free more than this commit needs, so that not every commit waits.
		w.q.dropOldest(func() bool { return w.q.belowMark() && w.fits(n) })
		if w.fits(n) {
			return nil
		}
	}
	return &FullError{RetryAfter: 30 * time.Second, Reason: capacity.MaxSize}
}

// belowMark reports whether another segment would stay below the high mark.
func (q *Queue) belowMark() bool { return q.space.belowHigh(q.segmentBytes(), q.o.SegmentSize) }

// checkHighMark closes intake at the high mark, without reading the disk. If records can
// be dropped instead it schedules that.
func (q *Queue) checkHighMark() {
	q.mu.Lock()
	segments, kept := q.segmentBytesLocked(), q.lanes[queue.LaneKept]
	drops := q.o.DropOldest || kept != nil && kept.pending > 0
	q.mu.Unlock()
	switch near := !q.space.belowHigh(segments, 0) && q.space.fullReason() == ""; {
	case near && drops:
		q.schedule(task{room: true})
	case near:
		q.setFull(capacity.MaxSize)
	}
}

// shrinkReserve cuts a reserve file that is larger than needed since max_size was reduced,
// even if the queue is full.
func (q *Queue) shrinkReserve() error {
	path := filepath.Join(q.dir, directory.Reserve)
	if fi, err := os.Stat(path); err != nil || fi.Size() <= q.space.reserve {
		return nil //nolint:nilerr // there is no reserve to shrink
	}
	if err := files.Truncate(path, q.space.reserve); err != nil {
		return fmt.Errorf("shrink reserve file: %w", err)
	}
	return nil
}

// makeReserve creates the reserve file: space for cursors and dead letters on a volume that
// other files fill.
func (q *Queue) makeReserve() {
	if !q.space.needsReserve() {
		return
	}
	path, n := filepath.Join(q.dir, directory.Reserve), q.space.reserve
	fi, err := os.Stat(path)
	if err != nil || fi.Size() != n || disk.Used(fi) < n {
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = byte(i*7 + i>>8) // on a volume that compresses or deduplicates, a file of zeros reserves nothing
		}
		parts := make([][]byte, 0, n/int64(len(b))+1)
		for left := n; left > 0; left -= int64(len(b)) {
			parts = append(parts, b[:min(left, int64(len(b)))])
		}
		if err := files.Write(path, q.o.NoSync, parts...); err != nil {
			q.o.Logger.Warn("cannot create the reserve file", "code", logs.ReserveMissing, "err", err)
			return
		}
	}
	q.space.setReserve(true)
}

// useReserve removes the reserve file. It reports whether that freed space.
func (q *Queue) useReserve() bool {
	path := filepath.Join(q.dir, directory.Reserve)
	fi, err := os.Stat(path)
	if err != nil || fi.Size() == 0 || files.Remove(path) != nil {
		return false
	}
	q.space.setReserve(false)
	q.o.Logger.Warn("volume is full: the reserve file was removed so that draining continues", "code", logs.ReserveUsed)
	return true
}
