package jetstream

import (
	"fmt"

	"relay/queue"
)

// Reroute calls queue.Reroute for the pending records of a lane. It returns how many were rerouted.
func (q *Queue) Reroute(lane string, _ queue.Seq, route func(queue.Record) []string) (int, error) {
	moved, _, err := queue.Reroute(q.ctx, q, lane, "reroute", q.endOfView(), route)
	return moved, err
}

// endOfView is the position after everything known.
func (q *Queue) endOfView() queue.Seq {
	q.mu.Lock()
	defer q.mu.Unlock()
	return positionSeq(Position(q.view.nextOrder << indexBits))
}

// MoveLane moves the pending records of a lane to the end of another lane, in order, and returns
// how many it moved. Records that arrive meanwhile stay, and so do the records in stay. It is safe
// to repeat after a crash.
func (q *Queue) MoveLane(from, to string, stay ...queue.Seq) (int, error) {
	if from == to || to == "" {
		return 0, fmt.Errorf("move lane: %w", queue.ErrInvalid)
	}
	if _, ok := q.Lane(from); !ok {
		return 0, fmt.Errorf("move lane: %w", queue.ErrNotFound)
	}
	moved, _, err := queue.Move(q.ctx, q, from, to, q.endOfView(), stay)
	if err != nil {
		return moved, fmt.Errorf("move lane: %w", err)
	}
	return moved, nil
}

// DropLane drops and counts the pending records of a lane.
func (q *Queue) DropLane(lane string) error {
	if _, ok := q.Lane(lane); !ok {
		return fmt.Errorf("drop lane: %w", queue.ErrNotFound)
	}
	var all []queue.Range
	n := 0
	q.mu.Lock()
	for _, e := range q.view.lanes[lane].entries {
		if p := e.lanes[lane]; p.unsettled > 0 {
			all = append(all, queue.Range{From: e.base(), To: e.base() + queue.Seq(len(e.records))})
			n += p.pending
		}
	}
	q.mu.Unlock()
	if _, err := q.Settle(lane, queue.Settlement{Settled: all}); err != nil {
		return fmt.Errorf("drop lane: %w", err)
	}
	q.CountDropped(queue.DropOperator, n)
	return nil
}

// CountDropped adds to Stats.Dropped what other code has removed or rejected; reason is one of
// queue.DropReasons.
func (q *Queue) CountDropped(reason string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.counters.drop(reason, n)
}

// DeadLetters calls fn for the letters after the one with the id after, oldest first, until fn
// returns false.
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

// DeadLetter returns one letter.
func (q *Queue) DeadLetter(id string) (queue.DeadLetter, error) {
	var found *letter
	q.mu.Lock()
	for _, d := range q.view.letters {
		if d.id == id && q.view.currentLetter(d.key) == d {
			found = d
		}
	}
	q.mu.Unlock()
	if found == nil {
		return queue.DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, queue.ErrNotFound)
	}
	ctx, cancel := q.callContext()
	defer cancel()
	d, err := q.readLetter(ctx, found)
	if err == nil && d == nil {
		err = queue.ErrNotFound // it was dropped meanwhile
	}
	if err != nil {
		return queue.DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, err)
	}
	return *d, nil
}

// DropDead removes letters and returns how many existed.
func (q *Queue) DropDead(ids ...string) (int, error) {
	n, err := q.Log.DropDead(q.ctx, ids)
	q.CountDropped(queue.DropDeadOperator, n)
	return n, err
}

// Redrive calls queue.Redrive.
func (q *Queue) Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error) {
	return queue.Redrive(q.ctx, q, ids, route, func(ids []string) (int, error) { return q.Log.DropDead(q.ctx, ids) })
}
