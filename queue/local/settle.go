package local

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"relay/queue/local/internal/chunk"
)

// lane is what is known of a lane. Its fields are under Queue.mu.
type lane struct {
	name    string
	cursor  Seq
	gen     uint64 // number of its last settlement, counted from newGen
	state   []byte
	counts  map[string]int64
	dropped bool

	pending int64
	bytes   int64
	oldest  int64 // Unix ms, of the first pending record
	span    span  // what the last Read from the cursor found

	settling sync.Mutex // one settlement at a time
	doing    *settling  // under Queue.mu: the one that hangs
}

type span struct {
	from, to       Seq
	records, bytes int64
}

type settling struct {
	s    Settlement
	done chan struct{}
	err  error
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

// Settle makes a settlement durable: dead letters first, then cursor, state
// and counts together. A cursor never moves back; one behind the end of the
// log stops there. When Settle returns an error nothing has happened, but for
// ErrStalled: then it may still happen, and calling again with the same
// settlement waits for it instead of doing it twice.
func (q *Queue) Settle(name string, s Settlement) error {
	if q.readOnly {
		return ErrReadOnly
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	l := q.lane(name)
	d := l.doing
	same := d != nil && reflect.DeepEqual(d.s, s)
	if !same {
		d = &settling{s: s, done: make(chan struct{})}
	}
	q.mu.Unlock()
	t := time.NewTimer(q.o.IOTimeout)
	defer t.Stop()
	if !same {
		q.callsMu.Lock()
		if q.callsClosed {
			q.callsMu.Unlock()
			return ErrClosed
		}
		q.wg.Add(1)
		q.callsMu.Unlock()
		go func() { // ends with the disk's answer; Close waits for it
			defer q.wg.Done()
			l.settling.Lock()
			defer l.settling.Unlock()
			q.mu.Lock()
			l.doing = d
			q.mu.Unlock()
			d.err = q.settle(l, s)
			q.mu.Lock()
			l.doing = nil
			q.mu.Unlock()
			close(d.done)
		}()
	}
	select {
	case <-d.done:
		if d.err != nil {
			return fmt.Errorf("settle lane: %w", d.err)
		}
		return nil
	case <-t.C:
		return fmt.Errorf("settle lane: %w", ErrStalled)
	}
}

func (q *Queue) settle(l *lane, s Settlement) error {
	q.mu.Lock()
	from := l.cursor
	to := max(min(s.Cursor, q.endSeq()), from)
	sp := l.span
	before := laneRow{Cursor: from, Gen: l.gen, State: l.state, Counts: l.counts, Dropped: l.dropped}
	row := laneRow{Cursor: to, Gen: l.gen + 1, State: l.state, Counts: maps.Clone(l.counts), Dropped: l.dropped}
	q.mu.Unlock()
	if s.State != nil {
		row.State = slices.Clone(s.State)
	}
	for k, n := range s.Counts {
		row.Counts[k] += int64(n)
	}
	if len(s.Dead) > 0 {
		if uint32(before.Gen) == 0 {
			// The lane's first. Its row says where the lane began to count: without
			// one, letters that did not commit could not be told from valid ones.
			if err := q.meta.saveLane(l.name, before); err != nil {
				return err
			}
		}
		if err := q.dead.put(l.name, row.Gen, slices.Clone(s.Dead)); err != nil {
			return err
		}
	}
	moved := span{from, to, sp.records, sp.bytes}
	if to > from && moved != sp {
		var err error
		if moved.records, moved.bytes, err = q.countRange(l.name, from, to); err != nil {
			return err
		}
	}
	if err := q.meta.saveLane(l.name, row); err != nil {
		return err
	}
	if len(s.Dead) > 0 {
		q.dead.commit(l.name)
	}
	oldest := int64(0)
	if to > from {
		oldest = q.oldestFromReady(l.name, to) // the keeper may be here: it waits for no segment
	}
	q.mu.Lock()
	l.cursor, l.gen, l.state, l.counts = to, row.Gen, row.State, row.Counts
	if to > from {
		l.pending = max(0, l.pending-moved.records)
		l.bytes = max(0, l.bytes-moved.bytes)
		l.oldest = oldest
		l.span = span{}
	}
	unlink := q.passedLocked()
	q.mu.Unlock()
	if unlink {
		q.keep(task{tidy: true})
	}
	return nil
}

// countRange counts a lane's records in [from, to). Whole chunks are counted
// by their headers; only one that the bounds cut through is opened.
func (q *Queue) countRange(name string, from, to Seq) (records, bytes int64, err error) {
	for at := from; at < to; {
		s, err := q.segmentAt(at)
		if err != nil {
			return 0, 0, err
		}
		if s == nil || s.first() >= to {
			break
		}
		installed := s.installed.Load()
		n, b, err := q.countIn(s, name, at, to)
		if errors.Is(err, errGone) {
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
		at = s.first() + 1<<32
	}
	return records, bytes, nil
}

// countIn counts within one segment.
func (q *Queue) countIn(s *segment, name string, from, to Seq) (records, bytes int64, err error) {
	q.mu.Lock()
	end := s.first() + Seq(s.end.Load())
	c := s.sum.lane(name)
	var whole chunk.Lane
	if c != nil {
		whole = *c
	}
	q.mu.Unlock()
	if c == nil || s.first()+Seq(whole.Last) < from {
		return 0, 0, nil
	}
	if from <= s.first() && to >= end {
		return int64(whole.Count), int64(whole.Bytes), nil
	}
	at := uint32(0)
	if from > s.first() {
		at = uint32(from)
	}
	err = q.chunks(s, at, func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		if h.First >= to {
			return false, nil
		}
		l := h.Lane(name)
		switch {
		case l == nil:
		case from <= h.First && to >= h.End():
			records += int64(l.Count)
			bytes += int64(l.Bytes)
		default:
			recs, err := q.decoded(h, body)
			if err != nil {
				return false, err
			}
			for i := range recs {
				if r := &recs[i]; r.Seq >= from && r.Seq < to && slices.Contains(r.Lanes, name) {
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
		if c := s.sum.lane(name); c != nil {
			l = *c
		}
		q.mu.Unlock()
		if l.Count == 0 || s.first()+Seq(l.Last) < at {
			at = s.first() + 1<<32
			continue
		}
		if at <= s.first() {
			return l.Min
		}
		oldest, n := l.Min, 0
		err = q.chunks(s, uint32(at), func(h *chunk.Header, _ func() ([]byte, []byte, error)) (bool, error) {
			if c := h.Lane(name); c != nil && s.first()+Seq(c.Last) >= at {
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
	return s.first() + Seq(s.end.Load())
}

// passedLocked says whether a sealed segment holds nothing that any lane still
// waits for. q.mu is held.
func (q *Queue) passedLocked() bool {
	return slices.ContainsFunc(q.segs, q.segPassed)
}

func (q *Queue) segPassed(s *segment) bool {
	if s.tail || s.gone || s.filing || !isClosed(s.ready) || s.failed != nil || q.hold > 0 {
		return false
	}
	for i := range s.sum.Lanes {
		c := &s.sum.Lanes[i]
		l := q.lanes[c.Name]
		if l == nil || l.cursor <= s.first()+Seq(c.Last) {
			return false
		}
	}
	return true
}

// Lanes lists every lane that has or had something, by name.
func (q *Queue) Lanes() []LaneStat {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]LaneStat, 0, len(q.lanes))
	for _, name := range slices.Sorted(maps.Keys(q.lanes)) {
		out = append(out, q.lanes[name].stat())
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
	return l.stat(), true
}

func (l *lane) stat() LaneStat {
	st := LaneStat{
		Name: l.name, Cursor: l.cursor, Pending: l.pending, Bytes: l.bytes,
		State: slices.Clone(l.state), Counts: maps.Clone(l.counts), Dropped: l.dropped,
	}
	if l.pending > 0 && l.oldest != 0 {
		st.Oldest = time.UnixMilli(l.oldest).UTC()
	}
	return st
}
