package jetstream

import (
	"errors"
	"fmt"
	"slices"

	"relay/queue"
)

// Reroute goes through what a lane has waiting. A record for which route names lanes is
// appended to those of them that have not had it, as it was received, and settled here;
// those for which route names none stay where they are, and so do those that all of the
// lanes have had. It returns how many found another lane. A crash in between costs
// nothing: what was appended already is known by its key.
func (q *Queue) Reroute(lane string, _ queue.Seq, route func(queue.Record) []string) (int, error) {
	moved, _, err := q.reroute(lane, "reroute", route)
	return moved, err
}

func (q *Queue) reroute(lane, word string, route func(queue.Record) []string) (moved, stayed int, err error) {
	q.mu.Lock()
	end := place46(Position(q.view.ord << indexBits))
	q.mu.Unlock()
	for from := queue.Seq(0); from < end; {
		b, err := q.Read(lane, from, 500, 1<<20)
		if err != nil || len(b.Records) == 0 {
			return moved, stayed, err
		}
		var entries []queue.Entry
		counted := 0
		stays := make([]bool, len(b.Records))
		for i := range b.Records {
			r := &b.Records[i]
			lanes := slices.DeleteFunc(slices.Clone(route(*r)), func(l string) bool { return l == lane })
			waits := slices.ContainsFunc(lanes, func(l string) bool { return slices.Contains(r.Lanes, l) && q.Waits(l, r.Seq) })
			lanes = slices.DeleteFunc(lanes, func(l string) bool { return slices.Contains(r.Lanes, l) || slices.Contains(r.Had, l) })
			if stays[i] = len(lanes) == 0 && !waits; stays[i] {
				stayed++
				continue
			}
			if counted++; len(lanes) == 0 { // it waits there as this very record
				continue
			}
			had := slices.DeleteFunc(r.Everywhere(), func(l string) bool { return l == lane }) // it may get it back
			entries = append(entries, queue.Entry{
				ID: r.ID, Store: r.Store, Had: had, Space: queue.ByKey, Key: fmt.Sprintf("%s:%s:%x", word, lane, uint64(r.Seq)),
				Lanes: lanes, Received: r.Received, Flags: r.Flags.WithSlots(r.Settled), Body: r.Body,
			})
		}
		if len(entries) > 0 {
			if _, err := q.Append(q.ctx, entries); err != nil {
				return moved, stayed, err
			}
		}
		if counted > 0 {
			done := queue.Settlement{Settled: b.Done(func(i int) bool { return stays[i] }), Counts: map[string]int{"rerouted": counted}}
			if _, err := q.Settle(lane, done); err != nil {
				return moved, stayed, err
			}
		}
		moved += counted
		from = b.Next
	}
	return moved, stayed, nil
}

// MoveLane moves what a lane has waiting to another lane, in order, behind what waits
// there, and returns how many records that were. What comes meanwhile stays, and so do
// the records of stay. A crash in between costs nothing when it is called again.
func (q *Queue) MoveLane(from, to string, stay ...queue.Seq) (int, error) {
	if from == to || to == "" {
		return 0, fmt.Errorf("move lane: %w", queue.ErrInvalid)
	}
	if _, ok := q.Lane(from); !ok {
		return 0, fmt.Errorf("move lane: %w", queue.ErrNotFound)
	}
	moved, _, err := q.reroute(from, "move", func(r queue.Record) []string {
		if slices.Contains(stay, r.Seq) {
			return nil
		}
		return []string{to}
	})
	if err != nil {
		return moved, fmt.Errorf("move lane: %w", err)
	}
	return moved, nil
}

// DropLane drops what a lane has waiting, counted.
func (q *Queue) DropLane(lane string) error {
	if _, ok := q.Lane(lane); !ok {
		return fmt.Errorf("drop lane: %w", queue.ErrNotFound)
	}
	var all []queue.Range
	n := 0
	q.mu.Lock()
	for _, e := range q.view.lanes[lane].entries {
		if p := e.parts[lane]; p.left > 0 {
			all = append(all, queue.Range{From: e.base(), To: e.base() + queue.Seq(len(e.recs))})
			n += p.waiting
		}
	}
	q.mu.Unlock()
	if _, err := q.Settle(lane, queue.Settlement{Settled: all}); err != nil {
		return fmt.Errorf("drop lane: %w", err)
	}
	q.dropped(queue.DropOperator, n)
	return nil
}

func (q *Queue) dropped(reason string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count.drop(reason, n)
}

// DeadLetters calls fn for the letters behind the one with the id after, oldest first,
// until it returns false.
func (q *Queue) DeadLetters(after string, fn func(queue.DeadLetter) bool) error {
	for {
		page, err := q.Log.DeadLetters(q.ctx, after, 100)
		if err != nil {
			return err
		}
		for i := range page {
			if !fn(page[i]) {
				return nil
			}
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// DeadLetter gives one.
func (q *Queue) DeadLetter(id string) (queue.DeadLetter, error) {
	var found *letter
	q.mu.Lock()
	for _, d := range q.view.letters {
		if d.id == id && q.view.current(d.key) == d {
			found = d
		}
	}
	q.mu.Unlock()
	if found == nil {
		return queue.DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, queue.ErrNotFound)
	}
	ctx, cancel := q.bounded()
	defer cancel()
	d, err := q.letter(ctx, found)
	if err == nil && d == nil {
		err = queue.ErrNotFound // it was dropped meanwhile
	}
	if err != nil {
		return queue.DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, err)
	}
	return *d, nil
}

// DropDead removes letters, and says how many of them there were.
func (q *Queue) DropDead(ids ...string) (int, error) {
	n, err := q.Log.DropDead(q.ctx, ids)
	q.dropped(queue.DropDeadOperator, n)
	return n, err
}

// Redrive appends dead letters to the lanes route names, as they were received, and
// removes them. Those for which route names none stay. A crash in between costs nothing:
// what was appended is known by its key.
func (q *Queue) Redrive(ids []string, route func(queue.DeadLetter) []string) (total int, err error) {
	for len(ids) > 0 {
		var entries []queue.Entry
		var done []string
		for size := 0; len(ids) > 0 && len(entries) < 500 && size < 1<<20; ids = ids[1:] {
			d, err := q.DeadLetter(ids[0])
			if err != nil && !errors.Is(err, queue.ErrNotFound) {
				return total, fmt.Errorf("redrive: %w", err)
			}
			if err != nil || d.Cut > 0 {
				continue
			}
			lanes := route(d)
			if len(lanes) == 0 {
				continue
			}
			entries, done, size = append(entries, d.Again(lanes)...), append(done, d.ID), size+len(d.Body)
		}
		if len(entries) == 0 {
			continue
		}
		if _, err := q.Append(q.ctx, entries); err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
		n, err := q.Log.DropDead(q.ctx, done)
		if total += n; err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
	}
	return total, nil
}
