package local

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/settled"
)

// index is the segments and lanes of a queue: what lies where, who waits for it, and
// since when. It knows no disk. Invariants: segs ascend, and the tail is last; a number
// that any of them, or lastNum, has is never given again; mu is held by who calls a method
// that says so, and never while the disk is waited for.
type index struct {
	mu      sync.Mutex
	segs    []*seg
	leaving map[uint64]bool // segments that are being unlinked, and are not for sure yet
	lanes   map[string]*lane
	changed chan struct{} // closed, and another one made, when there is more to read
	lastNum uint64        // highest segment number ever seen
	changes int           // how often a segment came to hold other records than before
	hold    int           // backups that forbid unlinking
	opening bool          // what lies there from before is still looked at
	closed  bool
}

// lane gives the lane, a new one if need be. x.mu is held.
func (x *index) lane(name string) *lane {
	l := x.lanes[name]
	if l == nil {
		l = &lane{name: name, gen: newGen(), counts: make(map[string]int64)}
		x.lanes[name] = l
	}
	return l
}

// known gives the lane, nil when there is none. One that meta.db does not name
// may have its records in what is still being opened. x.mu is held.
func (x *index) known(name string) *lane {
	if l := x.lanes[name]; l != nil || !x.opening {
		return l
	}
	return x.lane(name)
}

// with is a lane's set once s is settled. x.mu is held.
func (x *index) with(set settled.Set, s Settlement, end Seq) settled.Set {
	for _, r := range s.Settled {
		r.To = min(r.To, end)
		if r.From <= set.Cursor() {
			set = set.Before(r.To)
			continue
		}
		for _, seg := range x.segs {
			// What is not known to lie there is not settled: it would be once more.
			if last := seg.end.Load(); last != math.MaxUint32 && seg.First() < r.To {
				set = set.Settle(queue.Range{From: max(r.From, seg.First()), To: min(r.To, seg.First()+Seq(last))})
			}
		}
	}
	for _, p := range s.Parts {
		if p.Seq < end {
			set = set.SettleSlots(p.Seq, p.Slots)
		}
	}
	return x.advance(set)
}

// advance moves a lane's cursor over what is settled, and over where nothing lies.
// What was settled of segments that are gone goes too. x.mu is held.
func (x *index) advance(set settled.Set) settled.Set {
	set = set.Keep(func(num uint64) bool {
		_, ok := slices.BinarySearchFunc(x.segs, num, func(s *seg, num uint64) int { return cmp.Compare(s.Num, num) })
		return ok || x.leaving[num]
	})
	at := set.Next(set.Cursor())
	for i, s := range x.segs {
		switch {
		case s.Num < uint64(at>>32):
			continue
		case s.Num > uint64(at>>32):
			at = set.Next(s.First())
		}
		if at < s.First()+Seq(s.end.Load()) || i == len(x.segs)-1 {
			break
		}
		at = set.Next(x.segs[i+1].First())
	}
	return set.Before(at)
}

// endSeq is the sequence number the next record gets. x.mu is held.
func (x *index) endSeq() Seq {
	if len(x.segs) == 0 {
		return 0
	}
	s := x.segs[len(x.segs)-1]
	return s.First() + Seq(s.end.Load())
}

// anyPassed says whether a sealed segment holds nothing that any lane still
// waits for. x.mu is held.
func (x *index) anyPassed() bool {
	return slices.ContainsFunc(x.segs, x.passed)
}

func (x *index) passed(s *seg) bool {
	return !s.tail && !s.gone && !s.filing && isClosed(s.ready) && s.failed == nil && x.hold == 0 && x.drained(s)
}

// drained says whether every lane has settled all that s has for it. x.mu is held.
func (x *index) drained(s *seg) bool {
	for i := range s.sum.Lanes {
		if x.waitsIn(s, &s.sum.Lanes[i]) {
			return false
		}
	}
	return true
}

// waitsIn says whether a lane may wait for some of c, what s has for it. x.mu is held.
func (x *index) waitsIn(s *seg, c *chunk.Lane) bool {
	l := x.lanes[c.Name]
	return l == nil || !l.set.All(s.First(), s.First()+Seq(c.Last)+1)
}

// holds says whether a lane waits for something in s, which is sealed and can
// be read. x.mu is held.
func (x *index) holds(s *seg, name string) bool {
	if s.tail || !isClosed(s.ready) || s.failed != nil {
		return false
	}
	c, l := s.sum.Lane(name), x.lanes[name]
	return c != nil && l != nil && l.pending > 0 && x.waitsIn(s, c)
}

// waitsTo gives the end of the newest segment that holds something a lane waits
// for and can be rewritten; 0: there is none.
func (x *index) waitsTo(name string) Seq {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range slices.Backward(x.segs) {
		if x.holds(s, name) {
			return s.First() + Seq(s.sum.Next)
		}
	}
	return 0
}

// waitingIn says how many records of s are waited for at most. x.mu is held.
func (x *index) waitingIn(s *seg) (n int64) {
	for i := range s.sum.Lanes {
		c := &s.sum.Lanes[i]
		open := int64(c.Count)
		if l := x.lanes[c.Name]; l != nil {
			open = min(open, l.set.Open(s.First(), s.First()+Seq(c.Last)+1))
		}
		n += open
	}
	return n
}

// bump tells whoever waits that there is more to read. x.mu is held.
func (x *index) bump() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// inSegments is what all segments take on disk.
func (x *index) inSegments() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.onDisk()
}

// onDisk is inSegments for who holds x.mu.
func (x *index) onDisk() (n int64) {
	for _, s := range x.segs {
		n += s.disk
	}
	return n
}

// nextNum is the number of the next segment. Only the writer asks.
func (x *index) nextNum() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lastNum + 1
}

// Changed gives a channel that is closed when something was appended to any
// lane, or turned up while old segments are being looked at. Ask for it
// before reading, wait on it after.
func (x *index) Changed() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.changed
}

// contentChanged says that a segment has come to hold other records than before:
// nothing that was counted of it is true any more. x.mu is held.
func (x *index) contentChanged() {
	x.changes++
	for _, l := range x.lanes {
		l.seen = [2]seen{}
	}
}

// Waits says whether the record of a number, should it be for a lane, waits there.
func (x *index) IsPending(lane string, seq Seq) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lanes[lane]
	return l == nil || !l.set.Has(seq)
}

// Lanes lists every lane that has or had something, by name.
func (x *index) Lanes() []LaneStat {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]LaneStat, 0, len(x.lanes))
	for _, name := range slices.Sorted(maps.Keys(x.lanes)) {
		out = append(out, x.stat(x.lanes[name]))
	}
	return out
}

// Lane gives one lane.
func (x *index) Lane(name string) (LaneStat, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lanes[name]
	if l == nil {
		return LaneStat{Name: name}, false
	}
	return x.stat(l), true
}

// stat is the lane as it stands. x.mu is held.
func (x *index) stat(l *lane) LaneStat {
	st := LaneStat{
		Name: l.name, Revision: Revision(l.gen), Invalidations: l.void + uint64(x.changes), Cursor: l.set.Cursor(), Pending: l.pending, Bytes: l.bytes,
		State: slices.Clone(l.state), Counts: maps.Clone(l.counts), Dropped: l.dropped,
	}
	if l.pending > 0 && l.oldest != 0 {
		st.Oldest = time.UnixMilli(l.oldest).UTC()
	}
	return st
}
