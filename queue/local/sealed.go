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

// meta.db notes how many records a sealed segment holds: when all of one is
// destroyed nothing else knows how many were lost. Invariant: a segment that is
// unlinked loses its note before, so that a note without a segment is a loss.

// noteSealed keeps in meta.db how many records each sealed segment holds.
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
		q.o.Logger.Warn("cannot note how many records a segment holds", "code", logs.SegmentNotCounted, "err", err)
	}
}

// forgetSealed removes the notes of segments that are about to be unlinked. false:
// it could not. The caller holds q.noting.
func (q *Queue) forgetSealed(nums ...uint64) bool {
	err := q.meta.ForgetSealed(nums)
	if err == nil {
		return true
	}
	q.o.Logger.Warn("cannot note that a segment goes", "code", logs.SegmentNotCounted, "err", err)
	return disk.NoSpace(err) // the segment's room is worth more than its note
}

// findMissing reports the segments of which there is a note and no file, once.
// names are those of the directory.
func (q *Queue) findMissing(names []string) {
	for _, num := range q.meta.AllSealed() {
		is := func(n string) bool { // one that was quarantined whole is reported already
			of, suffix, ok := files.ParseName(n)
			return ok && of == num && (suffix == segment.Suffix || strings.HasPrefix(suffix, segment.Suffix) && strings.HasSuffix(suffix, files.BadSuffix))
		}
		if slices.ContainsFunc(names, is) {
			continue
		}
		q.lastNum = max(q.lastNum, num) // what lanes have settled of it must not be said of another
		records, _ := q.meta.Sealed(num)
		q.missing(num, records)
		if !q.readOnly {
			q.noting.Lock()
			q.forgetSealed(num)
			q.noting.Unlock()
		}
	}
}

// missing counts a segment as lost whose file is not there, though it was not
// unlinked. Of its ids none stays known: the copy that a sender repeats is the only
// one of an event that waited there.
func (q *Queue) missing(num uint64, records int64) {
	q.counters.count(func(st *Stats) { st.LostRecords += records })
	q.counters.badChunks(1)
	q.o.Logger.Error("the file of a segment is missing: what waited in it is lost", "code", logs.SegmentMissing,
		"segment", filepath.Base(segment.Path(q.dir, num)), "records", records)
	if q.readOnly {
		return
	}
	if err := q.ids.ForgetLost(num, nil); err != nil {
		q.o.Logger.Warn("message ids of lost records stay known", "code", logs.IDsOfLostRecords, "err", err)
	}
}
