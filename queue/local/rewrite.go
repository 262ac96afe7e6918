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

// rewriteSegment replaces a sealed segment by one that holds only the records
// keep wants, under their old sequence numbers. It returns how many went. The
// ids of all of them stay known.
func (q *Queue) rewriteSegment(s *seg, keep func(r *Record) bool) (removed int64, err error) {
	removed, _, err = q.rewriteAs(s, keep, false)
	return removed, err
}

// rewriteAs is rewriteSegment that with always rewrites it even when nothing
// goes, which seals it with the key in force. done: another file is in its place.
func (q *Queue) rewriteAs(s *seg, keep func(r *Record) bool, always bool) (removed int64, done bool, err error) {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	ok := !s.tail && !s.gone && isClosed(s.ready) && s.failed == nil && q.hold == 0
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
	if errors.Is(err, segment.ErrGone) { // all lanes have passed it meanwhile
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

// shrink drops what a lane has waiting in sealed segments up to end, and rewrites
// those that other lanes still need. It says whether that freed anything.
func (q *Queue) shrink(name string, end Seq, why string) bool {
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
	q.tidy()
	for _, s := range segs {
		q.compact(s)
	}
	q.recount()
	return true
}

// compact rewrites a segment without what every lane has settled, and says how
// much that was.
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
		q.o.Logger.Info("rewrote a segment that few still wait for", "code", logs.SegmentRewritten, "removed", n)
	}
	return n
}

// squeeze rewrites the segments of which less than three quarters is waited for
// to what is. Nothing that a lane waits for goes. It says whether anything was
// freed.
func (q *Queue) squeeze() bool {
	q.mu.Lock()
	var sparse []*seg
	for _, s := range q.segs {
		if s.tail || !isClosed(s.ready) || s.failed != nil || s.sum.Records == 0 {
			continue
		}
		if q.waitingIn(s) < s.sum.Records*3/4 && q.space.holds(s.disk) { // the new file stands beside the old one for a while
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
