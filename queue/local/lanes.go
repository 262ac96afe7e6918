package local

import (
	"context"
	"fmt"

	"relay/queue"
)

// Reroute is queue.Reroute of what a lane has waiting before upTo (0: all of it). It
// returns how many found another lane.
func (q *Queue) Reroute(name string, upTo Seq, route func(Record) []string) (int, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	q.moving.RLock()
	defer q.moving.RUnlock()
	q.mu.Lock()
	end := q.endSeq()
	q.mu.Unlock()
	if upTo == 0 || upTo > end {
		upTo = end
	}
	moved, _, err := queue.Reroute(context.Background(), q, name, "reroute", upTo, route) // Append is bounded by itself
	return moved, err
}

// DropLane drops what a lane has waiting, counted. The lane's state stays: whoever
// has paused it has paused what comes to it later.
func (q *Queue) DropLane(name string) error {
	if q.readOnly {
		return ErrReadOnly
	}
	q.mu.Lock()
	l := q.known(name)
	end := q.endSeq()
	q.mu.Unlock()
	if l == nil {
		return fmt.Errorf("drop lane: %w", ErrNotFound)
	}
	if err := q.retire(l, end); err != nil {
		return fmt.Errorf("drop lane: %w", err)
	}
	return nil
}

// retire drops what a lane has waiting before end and, when nothing has come
// behind it, notes that the lane was dropped.
func (q *Queue) retire(l *lane, end Seq) error {
	l.settling.Lock() // whoever settles the lane at this moment is waited for
	defer l.settling.Unlock()
	if err := q.dropTo(l, end, queue.DropOperator); err != nil {
		return err
	}
	q.mu.Lock()
	l.dropped = l.pending == 0
	row := l.row()
	q.mu.Unlock()
	if err := q.meta.SaveLane(l.name, row, nil, nil); err != nil {
		return err
	}
	q.keep(task{tidy: true})
	return nil
}

// MoveLane moves what a lane has waiting to another lane, in order, behind
// what waits there, and returns how many records that were. What comes meanwhile
// stays, and so do the records of stay; the lane's state does too. A crash in between
// costs nothing when it is called again.
func (q *Queue) MoveLane(from, to string, stay ...Seq) (moved int, err error) {
	if from == to || to == "" {
		return 0, fmt.Errorf("move lane: %w", ErrInvalid)
	}
	q.mu.Lock()
	l := q.known(from)
	end := q.endSeq()
	q.mu.Unlock()
	if l == nil {
		return 0, fmt.Errorf("move lane: %w", ErrNotFound)
	}
	if q.readOnly {
		return 0, fmt.Errorf("move lane: %w", ErrReadOnly)
	}
	q.moving.RLock()
	moved, stayed, err := queue.Move(context.Background(), q, from, to, end, stay)
	q.moving.RUnlock()
	if err == nil && stayed == 0 {
		err = q.retire(l, end)
	}
	if err != nil {
		return moved, fmt.Errorf("move lane: %w", err)
	}
	return moved, nil
}
