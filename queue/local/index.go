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

// index is the segments and lanes of a queue. It does not touch the disk.
//
// Invariants: segs ascend, and the tail is last. A segment number that was used is never
// used again (lastNum). mu is never held while waiting for the disk. Methods that require
// mu say so.
type index struct {
	mu      sync.Mutex
	segs    []*seg
	leaving map[uint64]bool // segments whose unlinking is not synced yet
	lanes   map[string]*lane
	changed chan struct{} // closed and replaced when there is more to read
	lastNum uint64        // highest segment number ever used
	changes int           // how often the records of a segment have changed
	backups int           // backups in progress: nothing is unlinked
	opening bool          // segments of the previous run are still being opened
	closed  bool
}

// lane returns the lane, creating it if necessary. The caller holds x.mu.
func (x *index) lane(name string) *lane {
	l := x.lanes[name]
	if l == nil {
		l = &lane{name: name, gen: newGen(), counts: make(map[string]int64)}
		x.lanes[name] = l
	}
	return l
}

// findLane returns the lane, or nil if it does not exist. While old segments are being
// opened it creates the lane, since its records can be in them. The caller holds x.mu.
func (x *index) findLane(name string) *lane {
	if l := x.lanes[name]; l != nil || !x.opening {
		return l
	}
	return x.lane(name)
}

// apply returns a lane's set after settlement s. The caller holds x.mu.
func (x *index) apply(set settled.Set, s Settlement, end Seq) settled.Set {
	for _, r := range s.Settled {
		r.To = min(r.To, end)
		if r.From <= set.Cursor() {
			set = set.Before(r.To)
			continue
		}
		for _, seg := range x.segs {
			// The records of a segment that is not open yet are unknown and cannot be settled.
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

// advance moves the cursor of a set over settled records and gaps, and removes blocks of
// segments that no longer exist. The caller holds x.mu.
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

// endSeq returns the sequence number of the next record. The caller holds x.mu.
func (x *index) endSeq() Seq {
	if len(x.segs) == 0 {
		return 0
	}
	s := x.segs[len(x.segs)-1]
	return s.First() + Seq(s.end.Load())
}

// anyRemovable reports whether a segment can be unlinked. The caller holds x.mu.
func (x *index) anyRemovable() bool {
	return slices.ContainsFunc(x.segs, x.removable)
}

func (x *index) removable(s *seg) bool {
	return !s.tail && !s.gone && !s.idsPending && isClosed(s.ready) && s.failed == nil && x.backups == 0 && x.drained(s)
}

// drained reports whether every lane has settled its records in s. The caller holds x.mu.
func (x *index) drained(s *seg) bool {
	for i := range s.sum.Lanes {
		if x.waitsIn(s, &s.sum.Lanes[i]) {
			return false
		}
	}
	return true
}

// waitsIn reports whether a lane can have pending records in c, its part of s. The caller
// holds x.mu.
func (x *index) waitsIn(s *seg, c *chunk.Lane) bool {
	l := x.lanes[c.Name]
	return l == nil || !l.set.All(s.First(), s.First()+Seq(c.Last)+1)
}

// holds reports whether a lane has pending records in s, which must be sealed and readable.
// The caller holds x.mu.
func (x *index) holds(s *seg, name string) bool {
	if s.tail || !isClosed(s.ready) || s.failed != nil {
		return false
	}
	c, l := s.sum.Lane(name), x.lanes[name]
	return c != nil && l != nil && l.pending > 0 && x.waitsIn(s, c)
}

// pendingEnd returns the end of the newest sealed segment with pending records of a lane;
// 0: there is none.
func (x *index) pendingEnd(name string) Seq {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range slices.Backward(x.segs) {
		if x.holds(s, name) {
			return s.First() + Seq(s.sum.Next)
		}
	}
	return 0
}

// maxPending returns an upper bound of the pending records in s. The caller holds x.mu.
func (x *index) maxPending(s *seg) (n int64) {
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

// notifyReaders wakes readers waiting on Changed. The caller holds x.mu.
func (x *index) notifyReaders() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// segmentBytes returns how many bytes all segments take on disk.
func (x *index) segmentBytes() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.segmentBytesLocked()
}

// segmentBytesLocked is segmentBytes for a caller that holds x.mu.
func (x *index) segmentBytesLocked() (n int64) {
	for _, s := range x.segs {
		n += s.disk
	}
	return n
}

// nextNum returns the number of the next segment. Only the writer calls it.
func (x *index) nextNum() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lastNum + 1
}

// Changed returns a channel that is closed when records were appended to any lane, or
// found in an old segment. Call it before reading, and wait on the channel afterwards.
func (x *index) Changed() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.changed
}

// contentChanged is called when the records of a segment have changed, which invalidates
// earlier counts. The caller holds x.mu.
func (x *index) contentChanged() {
	x.changes++
	for _, l := range x.lanes {
		l.recent = [2]readResult{}
	}
}

// IsPending reports whether a record is pending in a lane, assuming that it is for that lane.
func (x *index) IsPending(lane string, seq Seq) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lanes[lane]
	return l == nil || !l.set.Has(seq)
}

// Lanes returns every lane that has or had records, by name.
func (x *index) Lanes() []LaneStat {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]LaneStat, 0, len(x.lanes))
	for _, name := range slices.Sorted(maps.Keys(x.lanes)) {
		out = append(out, x.stat(x.lanes[name]))
	}
	return out
}

// Lane returns one lane. ok is false if it does not exist.
func (x *index) Lane(name string) (LaneStat, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lanes[name]
	if l == nil {
		return LaneStat{Name: name}, false
	}
	return x.stat(l), true
}

// stat returns the state of a lane. The caller holds x.mu.
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
