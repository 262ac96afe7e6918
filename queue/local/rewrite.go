package local

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"relay/internal/logs"
)

// rewriteSegment replaces a sealed segment by one that holds only the records
// keep wants, under their old sequence numbers. It returns how many went. The
// ids of all of them stay known.
func (q *Queue) rewriteSegment(s *segment, keep func(r *Record) bool) (removed int64, err error) {
	return q.rewriteAs(s, keep, false)
}

// rewriteAs is rewriteSegment that with always rewrites it even when nothing
// goes, which seals it with the key in force.
func (q *Queue) rewriteAs(s *segment, keep func(r *Record) bool, always bool) (removed int64, err error) {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	ok := !s.tail && !s.gone && isClosed(s.ready) && s.failed == nil && q.hold == 0
	q.mu.Unlock()
	if !ok {
		return 0, nil
	}
	var sum summary
	var scratch, out []byte
	err = q.writeSegment(s.num, func(put func(h *chunkHeader, data []byte) error) error {
		return q.chunks(s, 0, func(h *chunkHeader, body func() ([]byte, []byte, error)) (bool, error) {
			ids, pay, err := body()
			if err != nil {
				return false, err
			}
			ids = slices.Clone(ids)
			raw, err := openChunk(q.zstd, q.ring, h, pay)
			if err != nil {
				return false, err
			}
			recs, err := decodePayload(h, raw)
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
			nh, nraw := encodeRecords(h, kept)
			out, err = packChunk(out[:0], q.zstd, q.ring, &scratch, &nh, ids, nraw)
			if err != nil {
				return false, err
			}
			return true, put(&nh, out)
		})
	}, &sum)
	tmp := s.path + tmpSuffix
	if errors.Is(err, errGone) { // all lanes have passed it meanwhile
		return 0, removeFile(tmp)
	}
	if err != nil || removed == 0 && !always {
		return 0, errors.Join(err, removeFile(tmp))
	}
	q.shut(s)
	if err := replaceFile(tmp, s.path, q.o.NoSync); err != nil {
		return 0, fmt.Errorf("rewrite segment: %w", err)
	}
	q.shut(s)
	q.cache.forget()
	q.install(s, sum, true)
	return removed, nil
}

// encodeRecords makes the payload of a chunk that stands for the numbers of h
// but holds only recs.
func encodeRecords(h *chunkHeader, recs []Record) (chunkHeader, []byte) {
	var sets laneSets
	sets.reset()
	n := chunkHeader{first: h.first, span: h.span, count: uint32(len(recs)), min: h.min, max: h.max}
	var body, rest []byte
	at := h.first
	for i := range recs {
		r := &recs[i]
		var key strings.Builder
		for _, l := range r.Lanes {
			key.WriteString(l + "\x00")
		}
		received := r.Received.UnixMilli()
		set := sets.add(key.String(), r.Lanes, uint32(r.Seq), len(r.Body), received)
		rest = appendRecordRest(rest[:0], r.Flags, received, r.ID, r.Body)
		body = appendRecord(body, uint64(set), uint64(r.Seq-at), rest)
		at = r.Seq + 1
	}
	n.lanes = sets.lanes
	return n, append(sets.appendTable(nil), body...)
}

// holds says whether a lane waits for something in s, which is sealed and can
// be read. q.mu is held.
func (q *Queue) holds(s *segment, name string) bool {
	if s.tail || !isClosed(s.ready) || s.failed != nil {
		return false
	}
	c, l := s.sum.lane(name), q.lanes[name]
	return c != nil && l != nil && l.pending > 0 && s.first()+Seq(c.last) >= l.cursor
}

// waitsTo gives the end of the newest segment that holds something a lane waits
// for and can be rewritten; 0: there is none.
func (q *Queue) waitsTo(name string) Seq {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range slices.Backward(q.segs) {
		if q.holds(s, name) {
			return s.first() + Seq(s.sum.Next)
		}
	}
	return 0
}

// shrink drops what a lane has waiting in sealed segments up to end, and rewrites
// those that other lanes still need. It says whether that freed anything.
func (q *Queue) shrink(name string, end Seq, why string) bool {
	q.mu.Lock()
	var segs []*segment
	for _, s := range q.segs {
		if s.first() < end && q.holds(s, name) {
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

// compact rewrites a segment without what every lane has passed, and says how
// much that was.
func (q *Queue) compact(s *segment) int64 {
	n, err := q.rewriteSegment(s, func(r *Record) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return slices.ContainsFunc(r.Lanes, func(name string) bool {
			l := q.lanes[name]
			return l == nil || l.cursor <= r.Seq
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
	free := q.space.volFree
	var sparse []*segment
	for _, s := range q.segs {
		if s.tail || !isClosed(s.ready) || s.failed != nil || s.sum.Records == 0 {
			continue
		}
		// At most so many are waited for: what lanes that have not passed the
		// segment hold there.
		waiting := int64(0)
		for i := range s.sum.lanes {
			c := &s.sum.lanes[i]
			if l := q.lanes[c.name]; l == nil || l.cursor <= s.first()+Seq(c.last) {
				waiting += int64(c.count)
			}
		}
		if waiting < s.sum.Records*3/4 && s.disk < free { // the new file stands beside the old one for a while
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
