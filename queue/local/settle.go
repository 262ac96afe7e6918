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
		oldest = q.oldestFrom(l.name, set.Cursor())
	}
	q.mu.Lock()
	l.set, l.gen, l.last, l.state, l.counts = set, row.Gen, row.Last, row.State, row.Counts
	if s.Revision == 0 {
		l.void++
	}
	l.pending, l.bytes = max(0, l.pending-records), max(0, l.bytes-bytes)
	l.settled.add(records, bytes)
	again := records > 0 && q.changes != changes // of what was settled some may have gone otherwise
	if moved {
		l.oldest = oldest
	}
	unlink := records > 0 && q.anyPassed()
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
