package jetstream

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"relay/queue"
)

// Settle makes all of s durable, or returns an error: queue.ErrFenced if another process holds the
// lease now, queue.ErrStale if the lane has another revision, queue.ErrStalled if no majority of
// the servers answered in time. After ErrStalled it may still happen; repeating the settlement is
// safe.
func (l *Log) Settle(ctx context.Context, name string, s queue.Settlement) (queue.Revision, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("settle: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
	defer cancel()
	l.settling.Lock()
	defer l.settling.Unlock()
	var letters []*letter
	tag := rand.Uint64()
	for looked := false; ; {
		c, err := l.planSettlement(name, &s, tag)
		if err == nil && c == nil {
			return l.revision(name), nil // made by an earlier call
		}
		if err != nil {
			if looked {
				return 0, err
			}
			looked = true // another process may have changed the lane
			if err := l.refreshRow(ctx, name); err != nil {
				return 0, fmt.Errorf("settle: %w", asStalled(err))
			}
			continue
		}
		if letters == nil && len(s.Dead) > 0 {
			if letters, err = l.storeLetters(ctx, name, &s); err != nil {
				return 0, fmt.Errorf("settle: %w", asStalled(err))
			}
		}
		rev, err := l.commit(ctx, c, letters)
		if err == nil {
			return rev, nil
		}
		if !hasCode(err, codeWrongLast) {
			return 0, fmt.Errorf("settle: %w", asStalled(err))
		}
		// Another settlement was first, or ours was stored and its answer lost.
		if err := l.refreshRow(ctx, name); err != nil {
			return 0, fmt.Errorf("settle: %w", asStalled(err))
		}
		l.mu.Lock()
		ln := l.view.lane(name)
		made, moved := ln.row.Tag == tag, ln.revision > c.revision
		if made {
			l.view.addLetters(letters)
		}
		l.mu.Unlock()
		if made {
			signal(l.trimmable)
			return l.revision(name), nil
		}
		if !moved && !sleep(ctx, 50*time.Millisecond) { // a write is in flight, or the server that answered is behind
			return 0, fmt.Errorf("settle: %w: %w", errStalled, err)
		}
		looked = true
	}
}

func (l *Log) revision(name string) queue.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return queue.Revision(l.view.lane(name).revision + 1)
}

// settlementPlan is a settlement as it will be stored.
type settlementPlan struct {
	row      row
	revision uint64 // that the row must still have
	parts    map[*entry]*laneState
}

// planSettlement computes the effect of a settlement on the lane as currently known; nil if the
// settlement was already made.
func (l *Log) planSettlement(name string, s *queue.Settlement, tag uint64) (*settlementPlan, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, queue.ErrClosed
	}
	ln := l.view.lane(name)
	if s.ID != 0 && s.ID == ln.row.LastID {
		return nil, nil
	}
	if s.Revision != 0 && ln.row.Epoch > l.epoch {
		return nil, queue.ErrFenced
	}
	if s.Revision != 0 && s.Revision != queue.Revision(ln.revision+1) {
		return nil, queue.ErrStale
	}
	c := &settlementPlan{row: ln.row, revision: ln.revision, parts: make(map[*entry]*laneState)}
	if s.Revision != 0 {
		c.row.Epoch = l.epoch
	}
	c.row.Lane, c.row.LastID, c.row.Tag, c.row.Created = name, s.ID, tag, l.view.created
	if ln.revision == 0 { // or its row was lost
		for _, d := range l.view.letters {
			if d.key.lane == name {
				c.row.Letters = append(c.row.Letters, span{d.seq, d.seq + 1})
			}
		}
	}
	if s.Revision == 0 {
		c.row.Invalidations++
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
		l.view.eachUnsettled(ln, r, func(e *entry, i int) {
			l.view.eachCopy(name, e, i, func(e *entry, i int) { c.laneState(e, name).settled.set(i) })
		})
	}
	for _, p := range s.Parts {
		l.view.eachUnsettled(ln, queue.Range{From: p.Seq, To: p.Seq + 1}, func(e *entry, i int) {
			l.view.eachCopy(name, e, i, func(e *entry, i int) { c.laneState(e, name).slots[uint32(i)] |= p.Slots })
		})
	}
	c.writeSpans(ln, &l.view.readTo)
	return c, nil
}

// laneState returns a copy of the lane's state of e, to be changed.
func (c *settlementPlan) laneState(e *entry, name string) *laneState {
	p := c.parts[e]
	if p == nil {
		was := e.lanes[name]
		p = &laneState{settled: slices.Clone(was.settled), slots: maps.Clone(was.slots)}
		c.parts[e] = p
	}
	return p
}

// eachUnsettled calls fn for the records in r that the lane has not settled.
func (v *view) eachUnsettled(ln *lane, r queue.Range, fn func(e *entry, i int)) {
	if r.To <= r.From {
		return
	}
	visit := func(e *entry) {
		p := e.lanes[ln.name]
		if p == nil || p.unsettled == 0 {
			return
		}
		for i := range e.records {
			if at := e.base() + queue.Seq(i); at >= r.From && at < r.To && e.isFor(i, ln.name) && !p.settled.has(i) {
				fn(e, i)
			}
		}
	}
	if r.From>>indexBits == (r.To-1)>>indexBits {
		if e := v.entries[placeOf(r.From)]; e != nil {
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

// writeSpans sets in the row what is settled. Invariant: no span covers a message of which the lane
// might still have unsettled records, whether known or not.
func (c *settlementPlan) writeSpans(ln *lane, readTo *[allStreams]uint64) {
	known := make(map[place]bool, len(ln.entries))
	for _, e := range ln.entries {
		known[e.place] = true
	}
	c.row.Partial = nil
	for _, p := range ln.row.Partial { // of messages that another process knows and this one does not yet
		if !known[place{p.Stream, p.Seq}] && p.Seq >= readTo[p.Stream] {
			c.row.Partial = append(c.row.Partial, p)
		}
	}
	var wants [streams][]uint64 // messages that the lane has not settled completely
	for i := range c.row.Settled {
		c.row.Settled[i] = slices.Clone(ln.row.Settled[i])
	}
	for _, e := range ln.entries {
		p := c.parts[e]
		if p == nil {
			p = e.lanes[ln.name]
		}
		whole := true
		for i := range e.records {
			if e.isFor(i, ln.name) && !p.settled.has(i) {
				whole = false
				break
			}
		}
		if whole {
			if c.parts[e] != nil || !ln.row.settles(e) { // also what was settled as a copy of another record
				c.row.Settled[e.stream] = append(c.row.Settled[e.stream], span{e.seq, e.seq + 1})
				c.row.HighestChunk[e.stream] = max(c.row.HighestChunk[e.stream], uint64(e.number))
			}
			continue
		}
		wants[e.stream] = append(wants[e.stream], e.seq)
		if !p.settled.empty() || len(p.slots) > 0 {
			c.row.Partial = append(c.row.Partial, partial{e.stream, e.seq, e.number, p.settled, p.slots})
		}
	}
	for i := range c.row.Settled {
		slices.Sort(wants[i])
		c.row.Settled[i] = mergeSpans(subtract(c.row.Settled[i], wants[i]), func(from, to uint64) bool {
			k, _ := slices.BinarySearch(wants[i], from)
			return to <= readTo[i] && (k == len(wants[i]) || wants[i][k] >= to)
		})
	}
}

// commit stores the row of a plan and then applies the plan in memory.
func (l *Log) commit(ctx context.Context, c *settlementPlan, letters []*letter) (queue.Revision, error) {
	for _, d := range letters {
		c.row.Letters = append(slices.Clone(c.row.Letters), span{d.seq, d.seq + 1})
	}
	l.mu.Lock()
	c.row.Letters = mergeSpans(c.row.Letters, func(from, to uint64) bool { return l.view.othersOnly(c.row.Lane, from, to) })
	l.mu.Unlock()
	data, err := l.encodeRow(&c.row)
	if err != nil {
		return 0, err
	}
	rev, err := l.compareAndSet(ctx, l.laneSubject(c.row.Lane), c.revision, data)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view.applyPlan(c, rev)
	l.view.addLetters(letters)
	signal(l.trimmable)
	return queue.Revision(rev + 1), nil
}

// applyPlan makes the row of a plan the lane's, with the revision rev, unless a newer one is known.
func (v *view) applyPlan(c *settlementPlan, rev uint64) {
	ln := v.lane(c.row.Lane)
	if rev <= ln.revision {
		return
	}
	ln.row, ln.revision = c.row, rev
	for e, p := range c.parts {
		if e.lanes[ln.name] != nil {
			e.lanes[ln.name] = p
			v.recount(e)
		}
	}
}
