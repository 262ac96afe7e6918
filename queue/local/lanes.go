package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relay/queue"
)

// Reroute goes through what a lane has waiting before upTo (0: all of it). A
// record for which route names lanes is appended to those of them that have not had
// it, as it was received, and settled here; those for which route names none stay where
// they are, and so do those that all of the lanes have had. It returns how many found
// another lane. A crash in between costs nothing: what was appended already is known
// by its key.
func (q *Queue) Reroute(name string, upTo Seq, route func(Record) []string) (int, error) {
	moved, _, err := q.reroute(name, upTo, "reroute", route)
	return moved, err
}

// reroute is Reroute that says how many stay.
func (q *Queue) reroute(name string, upTo Seq, word string, route func(Record) []string) (moved, stayed int, err error) {
	if q.readOnly {
		return 0, 0, ErrReadOnly
	}
	q.moving.RLock()
	defer q.moving.RUnlock()
	q.mu.Lock()
	end := q.endSeq()
	q.mu.Unlock()
	if upTo == 0 || upTo > end {
		upTo = end
	}
	err = q.eachBatch(name, upTo, func(b *Batch) error {
		var entries []Entry
		counted := 0
		stays := make([]bool, len(b.Records))
		for i, r := range b.Records {
			lanes := slices.DeleteFunc(slices.Clone(route(r)), func(l string) bool { return l == name })
			waits := slices.ContainsFunc(lanes, func(l string) bool { return slices.Contains(r.Lanes, l) && q.Waits(l, r.Seq) })
			lanes = slices.DeleteFunc(lanes, func(l string) bool { return slices.Contains(r.Lanes, l) || slices.Contains(r.Had, l) })
			// Where it is settled it was delivered, or moved away: nobody knows which, so
			// it is neither sent there again nor given up here.
			if stays[i] = len(lanes) == 0 && !waits; stays[i] {
				stayed++
				continue
			}
			if counted++; len(lanes) == 0 { // it waits there as this very record
				continue
			}
			// This lane has nothing more of it then: it may get it back.
			had := slices.DeleteFunc(r.Everywhere(), func(l string) bool { return l == name })
			entries = append(entries, Entry{
				ID: r.ID, Store: r.Store, Had: had, Space: queue.ByKey, Key: fmt.Sprintf("%s:%s:%x", word, name, uint64(r.Seq)),
				Lanes: lanes, Received: r.Received, Flags: r.Flags.WithSlots(r.Settled), Body: r.Body,
			})
		}
		if counted == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), q.o.AppendTimeout+time.Second)
		defer cancel()
		if len(entries) > 0 {
			if _, err := q.Append(ctx, entries); err != nil {
				return err
			}
		}
		done := Settlement{Settled: b.Done(func(i int) bool { return stays[i] }), Counts: map[string]int{"rerouted": counted}}
		if _, err := q.Settle(name, done); err != nil {
			return err
		}
		moved += counted
		return nil
	})
	return moved, stayed, err
}

// eachBatch reads what a lane has waiting before upTo, a batch at a time.
func (q *Queue) eachBatch(name string, upTo Seq, fn func(b *Batch) error) error {
	for from := Seq(0); ; {
		b, err := q.Read(name, from, 500, 1<<20)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(b.Records, func(r Record) bool { return r.Seq >= upTo }); i >= 0 {
			b.Next, b.More, b.Records = b.Records[i].Seq, false, b.Records[:i]
		}
		if len(b.Records) == 0 {
			return nil
		}
		if err := fn(&b); err != nil || !b.More {
			return err
		}
		from = b.Next
	}
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
	moved, stayed, err := q.reroute(from, end, "move", func(r Record) []string {
		if slices.Contains(stay, r.Seq) {
			return nil
		}
		return []string{to}
	})
	if err == nil && stayed == 0 {
		err = q.retire(l, end)
	}
	if err != nil {
		return moved, fmt.Errorf("move lane: %w", err)
	}
	return moved, nil
}
