package local

import (
	"context"
	"fmt"

	"relay/queue"
)

// Reroute is queue.Reroute of the records of a lane before upTo (0: all of them). It returns
// how many were moved to another lane.
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
	moved, _, err := queue.Reroute(context.Background(), q, name, "reroute", upTo, route) // Append has its own timeout
	return moved, err
}

// DropLane drops the pending records of a lane and counts them as dropped. The lane keeps
// its state: if it was paused it stays paused for later records.
func (q *Queue) DropLane(name string) error {
	if q.readOnly {
		return ErrReadOnly
	}
	q.mu.Lock()
	l := q.findLane(name)
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

// retire drops the records of a lane before end. If none are pending then, it marks the lane
// as dropped.
func (q *Queue) retire(l *lane, end Seq) error {
	l.settling.Lock() // wait for a settlement in progress
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
	q.schedule(task{unlink: true})
	return nil
}

// MoveLane moves the pending records of a lane to the end of another lane, in order, and
// returns how many. The records in stay, records appended meanwhile, and the lane's state
// are not moved. If a crash interrupts it, call it again: nothing is lost or duplicated.
func (q *Queue) MoveLane(from, to string, stay ...Seq) (moved int, err error) {
	if from == to || to == "" {
		return 0, fmt.Errorf("move lane: %w", ErrInvalid)
	}
	q.mu.Lock()
	l := q.findLane(from)
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
