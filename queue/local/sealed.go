package local

import (
	"path/filepath"
	"slices"
	"strings"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/segment"
)

// meta.db stores how many records a sealed segment holds. If the segment is destroyed
// completely, nothing else tells how many were lost. Invariant: the count is removed before
// the segment is unlinked, so a count without a segment means that its file was lost.

// noteSealed stores how many records each sealed segment holds.
func (q *Queue) noteSealed() {
	q.noting.Lock()
	defer q.noting.Unlock()
	sealed, others := make(map[uint64]int64), []uint64(nil)
	q.mu.Lock()
	for _, s := range q.segs {
		if s.sealed {
			sealed[s.Num] = s.sum.Records
		} else {
			others = append(others, s.Num)
		}
	}
	q.mu.Unlock()
	if err := q.meta.NoteSealed(sealed, others); err != nil {
		q.o.Logger.Warn("cannot store how many records a segment holds", "code", logs.SegmentNotCounted, "err", err)
	}
}

// forgetSealed removes the record counts of segments that are about to be unlinked. It
// returns false if they must not be unlinked. The caller holds q.noting.
func (q *Queue) forgetSealed(nums ...uint64) bool {
	err := q.meta.ForgetSealed(nums)
	if err == nil {
		return true
	}
	q.o.Logger.Warn("cannot remove the record count of a segment", "code", logs.SegmentNotCounted, "err", err)
	return disk.NoSpace(err) // freeing the segment matters more than its count
}

// findMissing reports each segment that has a count but no file, once. names are the names
// in the directory.
func (q *Queue) findMissing(names []string) {
	for _, num := range q.meta.AllSealed() {
		is := func(n string) bool { // a quarantined segment was reported already
			of, suffix, ok := files.ParseName(n)
			return ok && of == num && (suffix == segment.Suffix || strings.HasPrefix(suffix, segment.Suffix) && strings.HasSuffix(suffix, files.BadSuffix))
		}
		if slices.ContainsFunc(names, is) {
			continue
		}
		q.lastNum = max(q.lastNum, num) // its number must not be reused: lanes can have settled blocks of it
		records, _ := q.meta.Sealed(num)
		q.missing(num, records)
		if !q.readOnly {
			q.noting.Lock()
			q.forgetSealed(num)
			q.noting.Unlock()
		}
	}
}

// missing counts a segment as lost whose file is missing although the queue did not unlink
// it. Its ids are forgotten: the sender's retry is the only copy of an event that was
// pending in it.
func (q *Queue) missing(num uint64, records int64) {
	q.counters.count(func(st *Stats) { st.LostRecords += records })
	q.counters.badChunks(1)
	q.o.Logger.Error("a segment file is missing: its pending records are lost", "code", logs.SegmentMissing,
		"segment", filepath.Base(segment.Path(q.dir, num)), "records", records)
	if q.readOnly {
		return
	}
	if err := q.ids.ForgetLost(num, nil); err != nil {
		q.o.Logger.Warn("message ids of lost records stay known", "code", logs.IDsOfLostRecords, "err", err)
	}
}
