package jetstream

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"relay/queue"
)

// Settle makes all of s durable, or returns an error: queue.ErrFenced when another process
// has the lease by now, queue.ErrStale when the lane has another revision, queue.ErrStalled when no majority of the servers answered in time (then it
// may still happen; the same settlement called again is made once).
func (l *Log) Settle(ctx context.Context, name string, s queue.Settlement) (queue.Revision, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("settle: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
	defer cancel()
	l.settling.Lock()
	defer l.settling.Unlock()
	var letters []*letter
	for looked := false; ; {
		c, err := l.change(name, &s)
		if err == nil && c == nil {
			return l.revision(name), nil // it was made before
		}
		if err != nil {
			if looked {
				return 0, err
			}
			looked = true // by another process, perhaps
			if err := l.refresh(ctx, name); err != nil {
				return 0, fmt.Errorf("settle: %w", stalled(err))
			}
			continue
		}
		if letters == nil && len(s.Dead) > 0 {
			if letters, err = l.putLetters(ctx, name, &s); err != nil {
				return 0, fmt.Errorf("settle: %w", stalled(err))
			}
		}
		rev, err := l.commit(ctx, c, letters)
		if err == nil {
			return rev, nil
		}
		if !is(err, errWrongLast) {
			return 0, fmt.Errorf("settle: %w", stalled(err))
		}
		// Another was first, or this one was made and its answer was lost.
		if err := l.refresh(ctx, name); err != nil {
			return 0, fmt.Errorf("settle: %w", stalled(err))
		}
		l.mu.Lock()
		ln := l.view.lane(name)
		made, moved := ln.row.Tag == c.row.Tag, ln.rev > c.rev
		if made {
			l.view.keepLetters(letters)
		}
		l.mu.Unlock()
		if made {
			poke(l.done)
			return l.revision(name), nil
		}
		if !moved {
			return 0, fmt.Errorf("settle: %w", err)
		}
		looked = true
	}
}

func (l *Log) revision(name string) queue.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return queue.Revision(l.view.lane(name).rev + 1)
}

// change is a settlement as it will be stored.
type change struct {
	row   row
	rev   uint64 // for which it is made
	parts map[*entry]*part
}

// change works out what a settlement makes of the lane as it is known; nil: it was
// made before.
func (l *Log) change(name string, s *queue.Settlement) (*change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, queue.ErrClosed
	}
	ln := l.view.lane(name)
	if s.ID != 0 && s.ID == ln.row.Last {
		return nil, nil
	}
	if s.Revision != 0 && ln.row.Epoch > l.epoch {
		return nil, queue.ErrFenced
	}
	if s.Revision != 0 && s.Revision != queue.Revision(ln.rev+1) {
		return nil, queue.ErrStale
	}
	c := &change{row: ln.row, rev: ln.rev, parts: make(map[*entry]*part)}
	if s.Revision != 0 {
		c.row.Epoch = l.epoch
	}
	c.row.Lane, c.row.Last, c.row.Tag, c.row.Made = name, s.ID, rand.Uint64(), l.view.made
	if ln.rev == 0 { // or its row was lost
		for _, d := range l.view.letters {
			if d.key.lane == name {
				c.row.Letters = append(c.row.Letters, span{d.seq, d.seq + 1})
			}
		}
	}
	if s.Revision == 0 {
		c.row.Void++
	}
	if s.State != nil {
		c.row.State = clone(s.State)
	}
	if c.row.Counts = maps.Clone(ln.row.Counts); c.row.Counts == nil {
		c.row.Counts = make(map[string]int64)
	}
	for k, n := range s.Counts {
		c.row.Counts[k] += int64(n)
	}
	for _, r := range s.Settled {
		l.view.within(ln, r, func(e *entry, i int) {
			l.view.each(name, e, i, func(e *entry, i int) { c.part(e, name).settled.set(i) })
		})
	}
	for _, p := range s.Parts {
		l.view.within(ln, queue.Range{From: p.Seq, To: p.Seq + 1}, func(e *entry, i int) {
			l.view.each(name, e, i, func(e *entry, i int) { c.part(e, name).slots[uint32(i)] |= p.Slots })
		})
	}
	c.spans(ln, l.view.seen)
	return c, nil
}

// part is a copy of what the lane has of e, to be changed.
func (c *change) part(e *entry, name string) *part {
	p := c.parts[e]
	if p == nil {
		was := e.parts[name]
		p = &part{settled: slices.Clone(was.settled), slots: maps.Clone(was.slots)}
		c.parts[e] = p
	}
	return p
}

// within calls fn for the records in r that the lane has not settled.
func (v *view) within(ln *lane, r queue.Range, fn func(e *entry, i int)) {
	if r.To <= r.From {
		return
	}
	visit := func(e *entry) {
		p := e.parts[ln.name]
		if p == nil || p.left == 0 {
			return
		}
		for i := range e.recs {
			if at := e.base() + queue.Seq(i); at >= r.From && at < r.To && e.isFor(i, ln.name) && !p.settled.has(i) {
				fn(e, i)
			}
		}
	}
	if r.From>>indexBits == (r.To-1)>>indexBits {
		if e := v.at[placeOf(r.From)]; e != nil {
			visit(e)
		}
		return
	}
	for _, e := range ln.entries {
		if e.base() < r.To && e.base()+maxRecords >= r.From {
			visit(e)
		}
	}
}

// spans writes into the row what is settled. Invariant: a span covers no message of
// which the lane may still want something, known or not.
func (c *change) spans(ln *lane, seen [streams]uint64) {
	c.row.Parts = nil
	var wants [streams][]uint64 // messages of which the lane has not settled all
	for i := range c.row.Whole {
		c.row.Whole[i] = slices.Clone(ln.row.Whole[i])
	}
	for _, e := range ln.entries {
		p := c.parts[e]
		if p == nil {
			p = e.parts[ln.name]
		}
		whole := true
		for i := range e.recs {
			if e.isFor(i, ln.name) && !p.settled.has(i) {
				whole = false
				break
			}
		}
		if whole {
			if c.parts[e] != nil {
				c.row.Whole[e.stream] = append(c.row.Whole[e.stream], span{e.seq, e.seq + 1})
				c.row.High[e.stream] = max(c.row.High[e.stream], uint64(e.at))
			}
			continue
		}
		wants[e.stream] = append(wants[e.stream], e.seq)
		if !p.settled.none() || len(p.slots) > 0 {
			c.row.Parts = append(c.row.Parts, partial{e.stream, e.seq, e.at, p.settled, p.slots})
		}
	}
	for i := range c.row.Whole {
		slices.Sort(wants[i])
		c.row.Whole[i] = join(without(c.row.Whole[i], wants[i]), func(from, to uint64) bool {
			k, _ := slices.BinarySearch(wants[i], from)
			return to <= seen[i] && (k == len(wants[i]) || wants[i][k] >= to)
		})
	}
}

// commit stores the row of a change and then does it in memory.
func (l *Log) commit(ctx context.Context, c *change, letters []*letter) (queue.Revision, error) {
	for _, d := range letters {
		c.row.Letters = append(slices.Clone(c.row.Letters), span{d.seq, d.seq + 1})
	}
	l.mu.Lock()
	c.row.Letters = join(c.row.Letters, func(from, to uint64) bool { return l.view.othersLetters(c.row.Lane, from, to) })
	l.mu.Unlock()
	data, err := l.encodeRow(&c.row)
	if err != nil {
		return 0, err
	}
	rev, err := l.swap(ctx, l.laneSubject(c.row.Lane), c.rev, data)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.view.lane(c.row.Lane)
	if ln.rev < rev {
		ln.row, ln.rev = c.row, rev
		for e, p := range c.parts {
			if e.parts[ln.name] != nil {
				e.parts[ln.name] = p
				l.view.count(e)
			}
		}
	}
	l.view.keepLetters(letters)
	poke(l.done)
	return queue.Revision(rev + 1), nil
}
