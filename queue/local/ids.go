package local

import (
	"errors"
	"slices"

	"relay/internal/logs"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/segment"
)

// The background work on ids: reading them from segments left by a crash, and writing files
// again that could not be written.

// isSealed reports whether the segment contains its summary. Then its ids were written to a
// file; if there is no such file they have expired.
func isSealed(s *seg) bool {
	_, err := segment.ReadSummary(s.Path)
	return err == nil
}

// segmentsToReread returns the sealed segments whose ids were in files that could not be
// used.
func (q *Queue) segmentsToReread(old []*seg) map[uint64]bool {
	nums := make([]uint64, len(old))
	for i, s := range old {
		nums[i] = s.Num
	}
	return q.ids.Reread(nums, func(num uint64) (int64, bool) {
		sum, err := segment.ReadSummary(segment.Path(q.dir, num))
		return sum.Records, err == nil
	})
}

// restoreIDs reads the ids of a segment that was never sealed, which the first append waits
// for. If the segment is intact, the remaining work of making it readable is returned as
// later. Otherwise the segment is repaired now, which shows what it contains.
func (q *Queue) restoreIDs(s *seg) (later func() error, err error) {
	writeTail := func(t *ids.Tail) error {
		err := q.ids.WriteTail(t)
		if err != nil {
			q.tasks.later(s, t)
		}
		return err
	}
	// The ids are written before the segment is sealed, since a sealed segment implies
	// that its ids are in a file, also after a crash in between.
	x, err := q.examine(s, true)
	if err == nil && !x.Torn && !x.Voided && len(x.IDs) > 0 {
		t := q.ids.Insert(s.Num, x.IDs, q.ages.update())
		x.IDs = nil
		return func() error {
			return q.makeReadable(s, x, nil, func([]ids.Known) error { return writeTail(t) })
		}, nil
	}
	return nil, q.makeReadable(s, x, err, func(found []ids.Known) error {
		if len(found) == 0 {
			return nil
		}
		return writeTail(q.ids.Insert(s.Num, found, q.ages.update()))
	})
}

// idsDamaged reports damaged ids. It returns false if err is another error.
func (q *Queue) idsDamaged(err error) bool {
	if !errors.Is(err, errDamaged) {
		return false
	}
	q.counters.badChunks(1)
	q.o.Logger.Error("message ids are damaged: those on the damaged bytes are forgotten", "code", logs.IDsDamaged, "err", err)
	return true
}

// retryIDs retries writing the ids of segments for which that failed.
func (q *Queue) retryIDs() {
	for _, t := range q.tasks.again() {
		q.sealRotated(t)
	}
}

// mergeIDs merges files of ids to keep their number small.
func (q *Queue) mergeIDs() {
	q.mu.Lock()
	held := q.backups > 0
	q.mu.Unlock()
	if held || q.space.fullReason() != "" {
		return
	}
	if err := q.ids.Merge(ids.FewFiles, func(first, last uint64) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return slices.ContainsFunc(q.segs, func(s *seg) bool { return first <= s.Num && s.Num <= last })
	}); err != nil {
		q.o.Logger.Warn("cannot merge message ids; they stay in more files", "code", logs.IDsNotMerged, "err", err)
	}
}
