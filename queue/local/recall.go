package local

import (
	"errors"
	"slices"

	"relay/internal/logs"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/segment"
)

// What the keeper does about ids: those of segments that a crash left behind are
// read from them, and files that could not be written are tried again.

// isSealed says whether the segment carries its summary: then its ids were
// filed too, and have been forgotten if there is no file.
func isSealed(s *seg) bool {
	_, err := segment.ReadSummary(s.Path)
	return err == nil
}

// recallOf gives the sealed segments whose ids lay in files that were quarantined at
// open.
func (q *Queue) recallOf(old []*seg) map[uint64]bool {
	nums := make([]uint64, len(old))
	for i, s := range old {
		nums[i] = s.Num
	}
	return q.ids.Reread(nums, func(num uint64) (int64, bool) {
		sum, err := segment.ReadSummary(segment.Path(q.dir, num))
		return sum.Records, err == nil
	})
}

// recall makes the ids of a segment that was never sealed known again; the first
// append waits for that. The rest of what makes a good segment readable is left
// for later; one that is not good is put in order first, which says what is in it.
func (q *Queue) recall(s *seg) (later func() error, err error) {
	file := func(t *ids.Tail) error {
		err := q.ids.WriteTail(t)
		if err != nil {
			q.tasks.later(s, t)
		}
		return err
	}
	// The ids are filed before the segment is sealed: a seal says that they are
	// in a file, and a crash in between must not make it lie.
	x, err := q.examine(s, true)
	if err == nil && !x.Torn && !x.Voided && len(x.IDs) > 0 {
		t := q.ids.Insert(s.Num, x.IDs, q.ages.look())
		x.IDs = nil
		return func() error {
			return q.putInOrder(s, x, nil, func([]ids.Known) error { return file(t) })
		}, nil
	}
	return nil, q.putInOrder(s, x, err, func(found []ids.Known) error {
		if len(found) == 0 {
			return nil
		}
		return file(q.ids.Insert(s.Num, found, q.ages.look()))
	})
}

// idsDamaged says that ids are, if that is what an error is about.
func (q *Queue) idsDamaged(err error) bool {
	if !errors.Is(err, errDamaged) {
		return false
	}
	q.counters.badChunks(1)
	q.o.Logger.Error("message ids are damaged: those on the damaged bytes are forgotten", "code", logs.IDsDamaged, "err", err)
	return true
}

// retryIDs tries again to file the ids of segments for which that failed.
func (q *Queue) retryIDs() {
	for _, t := range q.tasks.again() {
		q.sealRotated(t)
	}
}

// mergeIDs keeps the files of ids few.
func (q *Queue) mergeIDs() {
	q.mu.Lock()
	held := q.hold > 0
	q.mu.Unlock()
	if held || q.space.why() != "" {
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
