package local

import (
	"maps"
	"slices"
	"sync"

	"relay/queue/internal/chunk"
	"relay/queue/local/internal/settled"
)

// tally is how many records, and the bytes of their bodies.
type tally struct{ records, bytes int64 }

func (t *tally) add(records, bytes int64) { t.records, t.bytes = t.records+records, t.bytes+bytes }

// counting is what is needed to count again what lanes have waiting.
type counting struct {
	// Held while lanes are counted, by one at a time: who comes later sees what the one
	// before may have missed. And while segments that are drained are unlinked (tidy):
	// what a count looks at stays.
	held sync.Mutex

	changes int // how often a segment came to hold other records than before; under Queue.mu
}

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
	q.counting.held.Lock()
	defer q.counting.held.Unlock()
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

// recountLane counts one lane. The caller holds q.counting.held.
func (q *Queue) recountLane(name string) {
	q.mu.Lock()
	l := q.lane(name)
	q.mu.Unlock()
	for i := range countTries {
		c := q.beginCount(l)
		open := c.open()
		oldest := q.oldestFromReady(name, c.set.Cursor())
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

// contentChanged says that a segment has come to hold other records than before:
// nothing that was counted of it is true any more. q.mu is held.
func (q *Queue) contentChanged() {
	q.counting.changes++
	for _, l := range q.lanes {
		l.seen = [2]seen{}
	}
}
