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

// salvage writes the chunks that are whole to a new file in the place of s.
// A damaged original is kept as .bad.
// What it saves is sealed: file, when given, gets the ids before that counts.
func (q *Queue) salvage(s *seg, isDamaged bool, cause error, file func([]ids.Known) error) ([]ids.Known, error) {
	q.pool.Shut(&s.File)
	voids := q.meta.Voids()
	held, noted := q.meta.Sealed(s.Num)
	q.mu.Lock()
	before := s.sum.Clone()
	q.mu.Unlock()
	var saved []ids.Known
	var sum segment.Summary
	err := segment.Find(s.Path, s.Num, func(found *segment.Found) (err error) {
		if err := q.patience(s, found.Unread()); err != nil {
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
			return q.patience(s, found.Unread())
		})
		return err
	})
	if errors.Is(err, os.ErrNotExist) { // removed by hand, while the queue was open
		q.missing(s.Num, before.Records)
		return nil, q.discard(s)
	}
	if err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	lost, known := lostRecords(s.Num, &before, &sum, held, noted, voids)
	if isDamaged {
		bad := files.QuarantinePath(s.Path)
		if err := files.LinkOrCopy(s.Path, bad); err != nil {
			return nil, fmt.Errorf("salvage segment: %w", err)
		}
		q.counters.damaged(lost, known)
		q.lookBesides()
		q.o.Logger.Error("segment is damaged: what is readable was saved, the file is quarantined", "code", logs.SegmentDamaged,
			"segment", filepath.Base(s.Path), "saved", sum.Records, "lost", lost, "lost_known", known, "err", cause)
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
	if file != nil {
		if err := file(saved); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
		}
	}
	if err := files.Replace(tmp, s.Path, q.o.NoSync); err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	q.pool.Shut(&s.File) // whoever opened the old file meanwhile
	q.cache.Forget()
	s.Checked.Store(true)
	q.install(s, sum, true)
	return saved, nil
}

// lostRecords says how many records of a segment are not in sum, what was saved
// of it: exactly, when it was read before or meta.db has noted how many it held,
// else as far as the gaps in what was saved tell.
func lostRecords(num uint64, before, sum *segment.Summary, held int64, noted bool, voids []meta.Void) (lost int64, known bool) {
	switch {
	case before.Chunks > 0:
		return max(0, before.Records-sum.Records), true
	case noted:
		return max(0, held-sum.Records), true
	}
	lost = sum.Missing
	for _, v := range voids {
		if uint64(v.First>>32) == num && uint32(v.End) < sum.Next {
			lost -= int64(v.End - v.First)
		}
	}
	return max(0, lost), false
}

// unreadFor is how long a segment is tried again that the disk does not give
// whole, before what it does not give counts as lost: a cable, a volume behind a
// network and a controller that starts over come back; a bad sector does not.
const unreadFor = time.Minute

// patience says that s is not to be given up yet when some of it was not read.
func (q *Queue) patience(s *seg, unread error) error {
	if unread == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.unread.IsZero() {
		s.unread = time.Now()
	}
	if time.Since(s.unread) < unreadFor {
		return fmt.Errorf("it is tried again before anything counts as lost: %w", unread)
	}
	return nil
}

// writeSegment writes what is to replace a segment under its temporary name.
func (q *Queue) writeSegment(s *seg, fill func(put func(h *chunk.Header, data []byte) error) error) (segment.Summary, error) {
	return segment.Write(s.Path, q.segInfo(s.Num), q.o.SegmentSize, q.o.NoSync, fill)
}
