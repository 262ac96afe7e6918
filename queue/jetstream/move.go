package jetstream

import (
	"fmt"

	"relay/queue"
)

// Reroute is queue.Reroute of what a lane has waiting. It returns how many found another
// lane.
func (q *Queue) Reroute(lane string, _ queue.Seq, route func(queue.Record) []string) (int, error) {
	moved, _, err := queue.Reroute(q.ctx, q, lane, "reroute", q.end(), route)
	return moved, err
}

// end is the place behind what is known.
func (q *Queue) end() queue.Seq {
	q.mu.Lock()
	defer q.mu.Unlock()
	return place46(Position(q.view.ord << indexBits))
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
	moved, _, err := queue.Move(q.ctx, q, from, to, q.end(), stay)
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
	q.CountDropped(queue.DropOperator, n)
	return nil
}

// CountDropped adds to Stats.Dropped what somebody else than the queue has removed, or
// not let in: reason is one of queue.DropReasons.
func (q *Queue) CountDropped(reason string, n int) {
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
	q.CountDropped(queue.DropDeadOperator, n)
	return n, err
}

// Redrive is queue.Redrive.
func (q *Queue) Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error) {
	return queue.Redrive(q.ctx, q, ids, route, func(ids []string) (int, error) { return q.Log.DropDead(q.ctx, ids) })
}
