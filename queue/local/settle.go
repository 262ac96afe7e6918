package local

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/settled"
)

// lane is what is known of a lane. Its fields are under Queue.mu.
type lane struct {
	name    string
	set     settled.Set
	gen     uint64 // its revision: number of its last settlement, counted from newGen
	last    uint64 // Settlement.ID of that
	void    uint64 // settlements by others than its owner, since Open
	state   []byte
	counts  map[string]int64
	dropped bool

	pending   int64
	bytes     int64
	published tally   // since Open
	settled   tally   // since Open, as far as it was in pending
	oldest    int64   // Unix ms, of the first pending record
	seen      [2]seen // what the last Reads found, the newest first

	settling sync.Mutex // one settlement at a time
}

// seen is what a Read found, so that settling it need not look again.
type seen struct {
	from, to Seq // the lane has no other records there that wait
	records  []sized
}

type sized struct {
	seq  Seq
	size int64
}

// lane gives the lane, a new one if need be. q.mu is held.
func (q *Queue) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{name: name, gen: newGen(), counts: make(map[string]int64)}
		q.lanes[name] = l
	}
	return l
}

// known gives the lane, nil when there is none. One that meta.db does not name
// may have its records in what is still being opened. q.mu is held.
func (q *Queue) known(name string) *lane {
	if l := q.lanes[name]; l != nil || !q.opening {
		return l
	}
	return q.lane(name)
}

// Settle makes a settlement durable: dead letters first, then what is settled,
// state and counts together, and gives the lane's revision behind it. What is settled
// already stays so, and what lies behind the end of the log is not touched. When
// Settle returns an error nothing has happened, but for ErrStalled: then it may still
// happen, and calling again with the same settlement waits for it.
func (q *Queue) Settle(name string, s Settlement) (Revision, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return 0, ErrClosed
	}
	l := q.lane(name)
	q.mu.Unlock()
	var now Revision // who got ErrStalled does not look at it
	err := q.bounded(fmt.Sprintf("settle %x %s", s.ID, name), func() error {
		l.settling.Lock()
		defer l.settling.Unlock()
		q.mu.Lock()
		gen, again := l.gen, s.ID != 0 && s.ID == l.last
		q.mu.Unlock()
		var err error
		switch {
		case again:
		case s.Revision != 0 && s.Revision != Revision(gen):
			err = ErrStale
		default:
			err = q.settle(l, s)
		}
		q.mu.Lock()
		now = Revision(l.gen)
		q.mu.Unlock()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("settle lane: %w", err)
	}
	return now, nil
}

func (q *Queue) settle(l *lane, s Settlement) error {
	q.mu.Lock()
	was, end, changes := l.set, q.endSeq(), q.counting.changes
	s.Settled = merged(s.Settled)
	set := q.with(was, s, end)
	row, before := l.row(), meta.Lane{}
	if uint32(l.gen) == 0 {
		before = l.row()
	}
	row.Cursor, row.Gen, row.Last = set.Cursor(), l.gen+1, s.ID
	q.mu.Unlock()
	if s.State != nil {
		row.State = slices.Clone(s.State)
	}
	for k, n := range s.Counts {
		row.Counts[k] += int64(n)
	}
	if len(s.Dead) > 0 {
		if before.Gen != 0 {
			// The lane's first. Its row says where the lane began to count: without
			// one, letters that did not commit could not be told from valid ones.
			if err := q.meta.SaveLane(l.name, before, nil, nil); err != nil {
				return err
			}
		}
		if err := q.dead.put(l.name, row.Gen, slices.Clone(s.Dead)); err != nil {
			return err
		}
	}
	var records, bytes int64
	for _, r := range s.Settled {
		n, b, err := q.countOpen(l, was, max(r.From, was.Cursor()), min(r.To, end))
		if err != nil {
			return err
		}
		records, bytes = records+n, bytes+b
	}
	put, gone := set.Changes(was)
	if err := q.meta.SaveLane(l.name, row, put, gone); err != nil {
		return err
	}
	if len(s.Dead) > 0 {
		q.dead.commit(l.name)
	}
	moved := set.Cursor() > was.Cursor()
	oldest := int64(0)
	if moved {
		oldest = q.oldestFromReady(l.name, set.Cursor()) // the keeper may be here: it waits for no segment
	}
	q.mu.Lock()
	l.set, l.gen, l.last, l.state, l.counts = set, row.Gen, row.Last, row.State, row.Counts
	if s.Revision == 0 {
		l.void++
	}
	l.pending, l.bytes = max(0, l.pending-records), max(0, l.bytes-bytes)
	l.settled.add(records, bytes)
	again := records > 0 && q.counting.changes != changes // of what was settled some may have gone otherwise
	if moved {
		l.oldest = oldest
	}
	unlink := records > 0 && q.passedLocked()
	q.mu.Unlock()
	if unlink {
		q.keep(task{tidy: true})
	}
	if again {
		q.keep(task{count: l.name})
	}
	return nil
}

// saveLanes stores all of every lane again once rows of meta.db were damaged while it
// was open. Lanes that are being settled are waited for until the next look.
func (q *Queue) saveLanes() {
	lost := q.meta.Lost()
	if lost == 0 {
		return
	}
	q.mu.Lock()
	lanes := slices.Collect(maps.Values(q.lanes))
	q.mu.Unlock()
	for _, l := range lanes {
		if !l.settling.TryLock() {
			return
		}
		q.mu.Lock()
		row := l.row()
		put, _ := l.set.Changes(settled.Set{})
		q.mu.Unlock()
		err := q.meta.SaveLane(l.name, row, put, nil)
		l.settling.Unlock()
		if err != nil {
			return
		}
	}
	q.meta.Restored(lost)
}

// merged gives ranges of the same numbers, ascending, that do not overlap.
func merged(ranges []queue.Range) (out []queue.Range) {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b queue.Range) int { return cmp.Compare(a.From, b.From) })
	for _, r := range sorted {
		if n := len(out); n > 0 && r.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}

// with is a lane's set once s is settled. q.mu is held.
func (q *Queue) with(set settled.Set, s Settlement, end Seq) settled.Set {
	for _, r := range s.Settled {
		r.To = min(r.To, end)
		if r.From <= set.Cursor() {
			set = set.Before(r.To)
			continue
		}
		for _, seg := range q.segs {
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
	return q.advance(set)
}

// advance moves a lane's cursor over what is settled, and over where nothing lies.
// What was settled of segments that are gone goes too. q.mu is held.
func (q *Queue) advance(set settled.Set) settled.Set {
	set = set.Keep(func(num uint64) bool {
		_, ok := slices.BinarySearchFunc(q.segs, num, func(s *seg, num uint64) int { return cmp.Compare(s.Num, num) })
		return ok || q.leaving[num]
	})
	at := set.Next(set.Cursor())
	for i, s := range q.segs {
		switch {
		case s.Num < uint64(at>>32):
			continue
		case s.Num > uint64(at>>32):
			at = set.Next(s.First())
		}
		if at < s.First()+Seq(s.end.Load()) || i == len(q.segs)-1 {
			break
		}
		at = set.Next(q.segs[i+1].First())
	}
	return set.Before(at)
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
// exact to the chunk if it is among the next few, else to the segment.
func (q *Queue) oldestFrom(name string, at Seq) int64 {
	for {
		s, err := q.segmentAt(at)
		if err != nil || s == nil {
			return 0
		}
		q.mu.Lock()
		var l chunk.Lane
		if c := s.sum.Lane(name); c != nil {
			l = *c
		}
		q.mu.Unlock()
		if l.Count == 0 || s.First()+Seq(l.Last) < at {
			at = s.First() + 1<<32
			continue
		}
		if at <= s.First() {
			return l.Min
		}
		oldest, n := l.Min, 0
		err = q.chunks(s, uint32(at), func(h *chunk.Header, _ func() ([]byte, []byte, error)) (bool, error) {
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
}

// endSeq is the sequence number the next record gets. q.mu is held.
func (q *Queue) endSeq() Seq {
	if len(q.segs) == 0 {
		return 0
	}
	s := q.segs[len(q.segs)-1]
	return s.First() + Seq(s.end.Load())
}

// passedLocked says whether a sealed segment holds nothing that any lane still
// waits for. q.mu is held.
func (q *Queue) passedLocked() bool {
	return slices.ContainsFunc(q.segs, q.segPassed)
}

func (q *Queue) segPassed(s *seg) bool {
	return !s.tail && !s.gone && !s.filing && isClosed(s.ready) && s.failed == nil && q.hold == 0 && q.drainedLocked(s)
}

// drainedLocked says whether every lane has settled all that s has for it. q.mu is held.
func (q *Queue) drainedLocked(s *seg) bool {
	for i := range s.sum.Lanes {
		if q.waitsIn(s, &s.sum.Lanes[i]) {
			return false
		}
	}
	return true
}

// waitsIn says whether a lane may wait for some of c, what s has for it. q.mu is held.
func (q *Queue) waitsIn(s *seg, c *chunk.Lane) bool {
	l := q.lanes[c.Name]
	return l == nil || !l.set.All(s.First(), s.First()+Seq(c.Last)+1)
}

// Waits says whether the record of a number, should it be for a lane, waits there.
func (q *Queue) Waits(lane string, seq Seq) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[lane]
	return l == nil || !l.set.Has(seq)
}

// Lanes lists every lane that has or had something, by name.
func (q *Queue) Lanes() []LaneStat {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]LaneStat, 0, len(q.lanes))
	for _, name := range slices.Sorted(maps.Keys(q.lanes)) {
		out = append(out, q.stat(q.lanes[name]))
	}
	return out
}

// Lane gives one lane.
func (q *Queue) Lane(name string) (LaneStat, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[name]
	if l == nil {
		return LaneStat{Name: name}, false
	}
	return q.stat(l), true
}

// row is the lane as meta.db holds it. Queue.mu is held.
func (l *lane) row() meta.Lane {
	return meta.Lane{Cursor: l.set.Cursor(), Gen: l.gen, Last: l.last, State: l.state, Counts: maps.Clone(l.counts), Dropped: l.dropped}
}

// stat is the lane as it stands. q.mu is held.
func (q *Queue) stat(l *lane) LaneStat {
	st := LaneStat{
		Name: l.name, Revision: Revision(l.gen), Void: l.void + uint64(q.counting.changes), Cursor: l.set.Cursor(), Pending: l.pending, Bytes: l.bytes,
		State: slices.Clone(l.state), Counts: maps.Clone(l.counts), Dropped: l.dropped,
	}
	if l.pending > 0 && l.oldest != 0 {
		st.Oldest = time.UnixMilli(l.oldest).UTC()
	}
	return st
}
