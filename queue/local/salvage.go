package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"relay/internal/logs"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// salvage replaces s by a new sealed file with the intact chunks. A damaged original is kept
// as .bad. If writeIDs is not nil it is called with the ids before the new file is in place.
func (q *Queue) salvage(s *seg, isDamaged bool, cause error, writeIDs func([]ids.Known) error) ([]ids.Known, error) {
	q.pool.Shut(&s.File)
	voids := q.meta.Voids()
	stored, known := q.meta.Sealed(s.Num)
	q.mu.Lock()
	before := s.sum.Clone()
	q.mu.Unlock()
	var saved []ids.Known
	var sum segment.Summary
	err := segment.Find(s.Path, s.Num, func(found *segment.Found) (err error) {
		if err := q.retryUnread(s, found.Unread()); err != nil {
			return err
		}
		sum, err = q.writeSegment(s, func(put func(h *chunk.Header, data []byte) error) error {
			end := s.First()
			if err := found.Each(func(h *chunk.Header, data, rows []byte) error {
				if h.First < end || isVoid(voids, h) {
					return nil
				}
				end = h.End()
				saved = ids.Append(saved, rows)
				return put(h, data)
			}); err != nil {
				return err
			}
			return q.retryUnread(s, found.Unread())
		})
		return err
	})
	if errors.Is(err, os.ErrNotExist) { // the file was removed while the queue was open
		q.missing(s.Num, before.Records)
		return nil, q.discard(s)
	}
	if err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	lost, exact := lostRecords(s.Num, &before, &sum, stored, known, voids)
	if isDamaged {
		bad := files.QuarantinePath(s.Path)
		if err := files.LinkOrCopy(s.Path, bad); err != nil {
			return nil, fmt.Errorf("salvage segment: %w", err)
		}
		q.counters.damaged(lost, exact)
		q.measureOtherFiles()
		q.o.Logger.Error("a segment is damaged: readable records were saved, the file is quarantined", "code", logs.SegmentDamaged,
			"segment", filepath.Base(s.Path), "saved", sum.Records, "lost", lost, "lost_known", exact, "err", cause)
	}
	if isDamaged {
		if err := q.ids.ForgetLost(s.Num, saved); err != nil {
			q.o.Logger.Warn("message ids of lost records stay known", "code", logs.IDsOfLostRecords, "err", err)
		}
	}
	tmp := s.Path + segment.TmpSuffix
	if sum.Chunks == 0 {
		return nil, errors.Join(files.Remove(tmp), q.discard(s))
	}
	if writeIDs != nil {
		if err := writeIDs(saved); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
		}
	}
	if err := files.Replace(tmp, s.Path, q.o.NoSync); err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	q.pool.Shut(&s.File) // a reader can have opened the old file meanwhile
	q.cache.Forget()
	s.Checked.Store(true)
	q.install(s, sum, true)
	return saved, nil
}

// lostRecords returns how many records of a segment are missing in sum, the saved part. The
// number is exact if the segment was read before or its count is in meta.db; otherwise it is
// derived from the gaps in sum.
func lostRecords(num uint64, before, sum *segment.Summary, stored int64, known bool, voids []meta.Void) (lost int64, exact bool) {
	switch {
	case before.Chunks > 0:
		return max(0, before.Records-sum.Records), true
	case known:
		return max(0, stored-sum.Records), true
	}
	lost = sum.Missing
	for _, v := range voids {
		if uint64(v.First>>32) == num && uint32(v.End) < sum.Next {
			lost -= int64(v.End - v.First)
		}
	}
	return max(0, lost), false
}

// unreadFor is how long reading a segment is retried before unreadable records count as
// lost: a loose cable, a network volume or a restarting controller recovers; a bad sector
// does not.
const unreadFor = time.Minute

// retryUnread returns an error if some of s was unreadable and it is too early to give up.
func (q *Queue) retryUnread(s *seg, unread error) error {
	if unread == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.unreadSince.IsZero() {
		s.unreadSince = time.Now()
	}
	if time.Since(s.unreadSince) < unreadFor {
		return fmt.Errorf("retrying before records count as lost: %w", unread)
	}
	return nil
}

// writeSegment writes the replacement of a segment under its temporary name.
func (q *Queue) writeSegment(s *seg, fill func(put func(h *chunk.Header, data []byte) error) error) (segment.Summary, error) {
	return segment.Write(s.Path, q.segInfo(s.Num), q.o.SegmentSize, q.o.NoSync, fill)
}
