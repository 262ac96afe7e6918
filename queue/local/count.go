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

// tally is how many records, and the bytes of their bodies.
type tally struct{ records, bytes int64 }

func (t *tally) add(records, bytes int64) { t.records, t.bytes = t.records+records, t.bytes+bytes }

// laneCount counts what a lane has waiting while it goes on: what was open at one
// moment, and what has come and gone since. The lane may be appended to and settled
// without pause meanwhile.
type laneCount struct {
	q         *Queue
	l         *lane
	set       settled.Set // as of that moment, as is all that follows
	published tally
	settled   tally
	segs      []countedSeg
	last      uint64 // number of the newest segment
}

// countedSeg is a segment as it was when a count began.
type countedSeg struct {
	s         *seg
	installed uint32
	end       Seq        // behind its last record
	lane      chunk.Lane // what it held for the lane
}

// recount derives what each lane has waiting from summaries and headers. Whoever
// gives a segment other records than it had calls it afterwards.
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

// countTries is how often a lane is counted at most while segments are installed
// anew: whoever gave them other records than they had counts behind that.
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

// beginCount fixes the moment.
func (q *Queue) beginCount(l *lane) *laneCount {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := &laneCount{q: q, l: l, set: l.set, published: l.published, settled: l.settled}
	if n := len(q.segs); n > 0 {
		c.last = q.segs[n-1].Num
	}
	c.segs = c.seen()
	return c
}

// seen gives the segments up to the last that can be read now. q.mu is held.
func (c *laneCount) seen() (segs []countedSeg) {
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

// open counts what was open. It reads; nothing is locked.
func (c *laneCount) open() (sum tally) {
	for _, s := range c.segs {
		n, size, err := c.q.openIn(s.s, c.l.name, c.set, 0, s.end)
		if err != nil { // a reader will meet the damage and deal with it; one that is gone is looked for once more
			n, size = int64(s.lane.Count), int64(s.lane.Bytes)
		}
		sum.add(n, size)
	}
	return sum
}

// end puts the count in force. false: a segment was installed anew meanwhile, or is
// gone, and it is not the last try.
func (c *laneCount) end(open tally, oldest int64, last bool) bool {
	q, l := c.q, c.l
	q.mu.Lock()
	defer q.mu.Unlock()
	same := slices.EqualFunc(c.segs, c.seen(), func(a, b countedSeg) bool { return a.s == b.s && a.installed == b.installed })
	if !same && !last {
		return false
	}
	l.pending = max(0, open.records+l.published.records-c.published.records-(l.settled.records-c.settled.records))
	l.bytes = max(0, open.bytes+l.published.bytes-c.published.bytes-(l.settled.bytes-c.settled.bytes))
	if l.pending > 0 && oldest != 0 && l.set.Cursor() == c.set.Cursor() { // whoever moves the cursor knows better
		l.oldest = oldest
	}
	return true
}

// countOpen counts a lane's records in [from, to) that are not settled by set.
func (q *Queue) countOpen(l *lane, set settled.Set, from, to Seq) (records, bytes int64, err error) {
	q.mu.Lock()
	read := l.seen
	q.mu.Unlock()
	for _, r := range read {
		if from < r.from || to > r.to {
			continue
		}
		i, _ := slices.BinarySearchFunc(r.records, from, func(s sized, at Seq) int { return cmp.Compare(s.seq, at) })
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

// openIn counts within one segment. Chunks of which nothing or everything is settled
// are counted by their headers.
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

// oldestFrom gives the time of receipt of the lane's next record, near enough:
// exact to the chunk if it is among the next few, else to the segment. It waits for no
// segment that is being opened: the keeper calls it.
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
		return l.Min // a reader will meet the damage and deal with it
	}
	return oldest
}

// oldestIn gives the segment that has the lane's first record at or behind at, and what
// it has of the lane; nil when there is none, or when that is not known yet.
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
