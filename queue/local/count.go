package local

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"relay/queue/internal/chunk"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/settled"
)

// tally is a number of records and the bytes of their bodies.
type tally struct{ records, bytes int64 }

func (t *tally) add(records, bytes int64) { t.records, t.bytes = t.records+records, t.bytes+bytes }

// laneCount counts the pending records of a lane while the lane is being appended to and
// settled: it counts what was open at one moment, and adds what was published and settled
// since.
type laneCount struct {
	q         *Queue
	l         *lane
	set       settled.Set // this and all that follows: as of that moment
	published tally
	settled   tally
	segs      []countedSeg
	last      uint64 // number of the newest segment
}

// countedSeg is a segment as of the beginning of a count.
type countedSeg struct {
	s         *seg
	installed uint32
	end       Seq        // end of its last record
	lane      chunk.Lane // its records of the lane
}

// recount derives the number of pending records of each lane from summaries and headers. It
// must be called after the records of a segment have changed.
func (q *Queue) recount() {
	q.mu.Lock()
	names := slices.Sorted(maps.Keys(q.lanes))
	q.mu.Unlock()
	q.recountLanes(names...)
}

func (q *Queue) recountLanes(names ...string) {
	q.recounting.Lock()
	defer q.recounting.Unlock()
	for _, n := range names {
		if isClosed(q.stop) {
			return
		}
		q.recountLane(n)
	}
}

// countTries is the maximum number of attempts to count a lane while segments are being
// replaced. Code that changes the records of a segment recounts anyway.
const countTries = 8

// recountLane counts one lane. The caller holds q.recounting.
func (q *Queue) recountLane(name string) {
	q.mu.Lock()
	l := q.lane(name)
	q.mu.Unlock()
	for i := range countTries {
		c := q.beginCount(l)
		open := c.open()
		oldest := q.oldestFrom(name, c.set.Cursor())
		if c.end(open, oldest, i == countTries-1) {
			return
		}
	}
}

// beginCount begins a count at this moment.
func (q *Queue) beginCount(l *lane) *laneCount {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := &laneCount{q: q, l: l, set: l.set, published: l.published, settled: l.settled}
	if n := len(q.segs); n > 0 {
		c.last = q.segs[n-1].Num
	}
	c.segs = c.readable()
	return c
}

// readable returns the readable segments up to c.last. The caller holds q.mu.
func (c *laneCount) readable() (segs []countedSeg) {
	for _, s := range c.q.segs {
		if s.Num > c.last || !isClosed(s.ready) || s.failed != nil {
			continue
		}
		n := countedSeg{s: s, installed: s.installed.Load(), end: s.First() + Seq(s.end.Load())}
		if l := s.sum.Lane(c.l.name); l != nil {
			n.lane = *l
		}
		segs = append(segs, n)
	}
	return segs
}

// open counts the records that were open, without holding a lock.
func (c *laneCount) open() (sum tally) {
	for _, s := range c.segs {
		n, size, err := c.q.openIn(s.s, c.l.name, c.set, 0, s.end)
		if err != nil { // a reader will find and repair the damage; if the segment is gone the count is repeated
			n, size = int64(s.lane.Count), int64(s.lane.Bytes)
		}
		sum.add(n, size)
	}
	return sum
}

// end sets the lane's counters. It returns false if a segment was replaced or deleted
// meanwhile and this is not the last attempt.
func (c *laneCount) end(open tally, oldest int64, last bool) bool {
	q, l := c.q, c.l
	q.mu.Lock()
	defer q.mu.Unlock()
	same := slices.EqualFunc(c.segs, c.readable(), func(a, b countedSeg) bool { return a.s == b.s && a.installed == b.installed })
	if !same && !last {
		return false
	}
	l.pending = max(0, open.records+l.published.records-c.published.records-(l.settled.records-c.settled.records))
	l.bytes = max(0, open.bytes+l.published.bytes-c.published.bytes-(l.settled.bytes-c.settled.bytes))
	if l.pending > 0 && oldest != 0 && l.set.Cursor() == c.set.Cursor() { // a settlement that moves the cursor sets oldest itself
		l.oldest = oldest
	}
	return true
}

// countOpen counts a lane's records in [from, to) that are not in set.
func (q *Queue) countOpen(l *lane, set settled.Set, from, to Seq) (records, bytes int64, err error) {
	q.mu.Lock()
	read := l.recent
	q.mu.Unlock()
	for _, r := range read {
		if from < r.from || to > r.to {
			continue
		}
		i, _ := slices.BinarySearchFunc(r.records, from, func(s sizedSeq, at Seq) int { return cmp.Compare(s.seq, at) })
		for ; i < len(r.records) && r.records[i].seq < to; i++ {
			if !set.Has(r.records[i].seq) {
				records, bytes = records+1, bytes+r.records[i].size
			}
		}
		return records, bytes, nil
	}
	for at := from; at < to; {
		s, err := q.segmentAt(at)
		if err != nil {
			return 0, 0, err
		}
		if s == nil || s.First() >= to {
			break
		}
		installed := s.installed.Load()
		n, b, err := q.openIn(s, l.name, set, at, to)
		if errors.Is(err, segment.ErrGone) {
			continue
		}
		if errors.Is(err, errDamaged) {
			if err := q.repair(s, installed, err); err != nil {
				return 0, 0, err
			}
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		records, bytes = records+n, bytes+b
		at = s.First() + 1<<32
	}
	return records, bytes, nil
}

// openIn counts within one segment. Chunks that are settled completely or not at all are
// counted by their headers.
func (q *Queue) openIn(s *seg, name string, set settled.Set, from, to Seq) (records, bytes int64, err error) {
	from, to = max(from, s.First()), min(to, s.First()+Seq(s.end.Load()))
	q.mu.Lock()
	c := s.sum.Lane(name)
	var whole chunk.Lane
	if c != nil {
		whole = *c
	}
	q.mu.Unlock()
	last := s.First() + Seq(whole.Last)
	if c == nil || last < from || set.All(from, min(to, last+1)) {
		return 0, 0, nil
	}
	if from == s.First() && to > last && set.Open(from, last+1) == int64(whole.Last)+1 {
		return int64(whole.Count), int64(whole.Bytes), nil
	}
	err = q.chunks(s, uint32(set.Next(from)), func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		if h.First >= to {
			return false, nil
		}
		l := h.Lane(name)
		switch {
		case l == nil || set.All(max(from, h.First), min(to, h.End())):
		case from <= h.First && to >= h.End() && set.Open(h.First, h.End()) == int64(h.Span):
			records += int64(l.Count)
			bytes += int64(l.Bytes)
		default:
			recs, err := q.decoded(h, body)
			if err != nil {
				return false, err
			}
			for i := range recs {
				if r := &recs[i]; r.Seq >= from && r.Seq < to && !set.Has(r.Seq) && slices.Contains(r.Lanes, name) {
					records++
					bytes += int64(len(r.Body))
				}
			}
		}
		return true, nil
	})
	return records, bytes, err
}

// oldestFrom returns about when the lane's first record at or after at was received: exact
// to the chunk if it is in one of the next few, else to the segment. It does not wait for a
// segment that is being opened, since the background goroutine calls it.
func (q *Queue) oldestFrom(name string, at Seq) int64 {
	s, l := q.oldestIn(name, at)
	if s == nil || at <= s.First() {
		return l.Min
	}
	oldest, n := l.Min, 0
	err := q.chunks(s, uint32(at), func(h *chunk.Header, _ func() ([]byte, []byte, error)) (bool, error) {
		if c := h.Lane(name); c != nil && s.First()+Seq(c.Last) >= at {
			oldest = c.Min
			return false, nil
		}
		n++
		return n < 64, nil
	})
	if err != nil {
		return l.Min // a reader will find and repair the damage
	}
	return oldest
}

// oldestIn returns the segment with the lane's first record at or after at, and its records
// of the lane. It returns nil if there is none, or if that is unknown yet.
func (q *Queue) oldestIn(name string, at Seq) (*seg, chunk.Lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.segs {
		if s.Num < uint64(at>>32) || s.gone {
			continue
		}
		if !isClosed(s.ready) || s.failed != nil {
			break
		}
		if c := s.sum.Lane(name); c != nil && c.Count > 0 && s.First()+Seq(c.Last) >= at {
			return s, *c
		}
	}
	return nil, chunk.Lane{}
}
