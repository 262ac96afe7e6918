package local

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"relay/queue"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/settled"
)

// Settle makes a settlement durable: first dead letters, then settled records, state and
// counts together. It returns the lane's new revision. Records that are settled already stay
// settled; ranges beyond the end of the log have no effect. When Settle returns an error
// nothing has changed, except after ErrStalled: then the settlement can still happen, and
// calling Settle again with the same settlement waits for it.
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
	var now Revision // not read after ErrStalled
	err := q.calls.Do(fmt.Sprintf("settle %x %s", s.ID, name), func() error {
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
	was, end, changes := l.set, q.endSeq(), q.changes
	s.Settled = merged(s.Settled)
	set := q.apply(was, s, end)
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
			// The lane's first settlement. Its row must contain the initial generation:
			// without it void letters could not be distinguished from valid ones.
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
		oldest = q.oldestFrom(l.name, set.Cursor())
	}
	q.mu.Lock()
	l.set, l.gen, l.last, l.state, l.counts = set, row.Gen, row.Last, row.State, row.Counts
	if s.Revision == 0 {
		l.void++
	}
	l.pending, l.bytes = max(0, l.pending-records), max(0, l.bytes-bytes)
	l.settled.add(records, bytes)
	again := records > 0 && q.changes != changes // some settled records might have been removed meanwhile
	if moved {
		l.oldest = oldest
	}
	unlink := records > 0 && q.anyRemovable()
	q.mu.Unlock()
	if unlink {
		q.schedule(task{unlink: true})
	}
	if again {
		q.schedule(task{count: l.name})
	}
	return nil
}

// restoreLanes saves every lane again after rows of meta.db were found damaged while it was
// open. If a lane is being settled it gives up until the next second.
func (q *Queue) restoreLanes() {
	lost := q.meta.LostRows()
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
	q.meta.RestoredRows(lost)
}

// merged returns the union of ranges as ascending ranges that do not overlap.
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
