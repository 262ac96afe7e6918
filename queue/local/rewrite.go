package local

import (
	"errors"
	"fmt"
	"slices"

	"relay/internal/logs"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/segment"
)

// rewriteSegment replaces a sealed segment by one with only the records for which keep
// returns true, under their old sequence numbers. It returns how many were removed. The ids
// of all of them stay known.
func (q *Queue) rewriteSegment(s *seg, keep func(r *Record) bool) (removed int64, err error) {
	removed, _, err = q.rewriteAs(s, keep, false)
	return removed, err
}

// rewriteAs is rewriteSegment, but with always it rewrites the segment even if no record is
// removed, which encrypts it with the current key. done is whether the file was replaced.
func (q *Queue) rewriteAs(s *seg, keep func(r *Record) bool, always bool) (removed int64, done bool, err error) {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	ok := !s.tail && !s.gone && isClosed(s.ready) && s.failed == nil && q.backups == 0
	q.mu.Unlock()
	if !ok {
		return 0, false, nil
	}
	var out []byte
	b := chunk.NewBuilder(q.zstd, q.ring)
	sum, err := q.writeSegment(s, func(put func(h *chunk.Header, data []byte) error) error {
		return q.chunks(s, 0, func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
			ids, pay, err := body()
			if err != nil {
				return false, err
			}
			ids = slices.Clone(ids)
			recs, err := q.zstd.Decode(q.ring, h, pay)
			if err != nil {
				return false, err
			}
			kept := make([]Record, 0, len(recs))
			for i := range recs {
				if keep(&recs[i]) {
					kept = append(kept, recs[i])
				}
			}
			removed += int64(len(recs) - len(kept))
			data, nh, err := b.Rewrite(out[:0], h, ids, kept)
			if err != nil {
				return false, err
			}
			out = data
			return true, put(&nh, data)
		})
	})
	tmp := s.Path + segment.TmpSuffix
	if errors.Is(err, segment.ErrGone) { // it was unlinked meanwhile
		return 0, false, files.Remove(tmp)
	}
	if err != nil || removed == 0 && !always {
		return 0, false, errors.Join(err, files.Remove(tmp))
	}
	q.pool.Shut(&s.File)
	if err := files.Replace(tmp, s.Path, q.o.NoSync); err != nil {
		return 0, false, fmt.Errorf("rewrite segment: %w", err)
	}
	q.pool.Shut(&s.File)
	q.cache.Forget()
	q.install(s, sum, true)
	return removed, true, nil
}

// dropSealed drops a lane's pending records in sealed segments up to end, and compacts the
// segments that other lanes still need. It reports whether that freed anything.
func (q *Queue) dropSealed(name string, end Seq, why string) bool {
	q.mu.Lock()
	var segs []*seg
	for _, s := range q.segs {
		if s.First() < end && q.holds(s, name) {
			segs = append(segs, s)
		}
	}
	q.mu.Unlock()
	if len(segs) == 0 {
		return false
	}
	err := q.dropLaneTo(name, end, why)
	if errors.Is(err, errBusy) {
		return false
	}
	if err != nil {
		q.o.Logger.Warn("cannot drop a lane's oldest records", "code", logs.DropFailed, "lane", name, "err", err)
		return false
	}
	q.removeSettled()
	for _, s := range segs {
		q.compact(s)
	}
	q.recount()
	return true
}

// compact rewrites a segment without the records that every lane has settled, and returns
// how many were removed.
func (q *Queue) compact(s *seg) int64 {
	n, err := q.rewriteSegment(s, func(r *Record) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return slices.ContainsFunc(r.Lanes, func(name string) bool {
			l := q.lanes[name]
			return l == nil || !l.set.Has(r.Seq)
		})
	})
	if err != nil {
		q.o.Logger.Warn("cannot rewrite a segment", "code", logs.SegmentNotRewritten, "err", err)
	} else if n > 0 {
		q.o.Logger.Info("rewrote a segment without its settled records", "code", logs.SegmentRewritten, "removed", n)
	}
	return n
}

// compactSparse compacts the segments of which at most three quarters are pending. No
// pending record is lost. It reports whether that freed anything.
func (q *Queue) compactSparse() bool {
	q.mu.Lock()
	var sparse []*seg
	for _, s := range q.segs {
		if s.tail || !isClosed(s.ready) || s.failed != nil || s.sum.Records == 0 {
			continue
		}
		if q.maxPending(s) < s.sum.Records*3/4 && q.space.fits(s.disk) { // the old and the new file exist together for a while
			sparse = append(sparse, s)
		}
	}
	q.mu.Unlock()
	gone := int64(0)
	for _, s := range sparse {
		gone += q.compact(s)
	}
	if gone > 0 {
		q.recount()
	}
	return gone > 0
}
