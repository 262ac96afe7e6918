package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Mover is what moving records needs of an engine.
type Mover interface {
	Append(ctx context.Context, entries []Entry) (Appended, error)
	Read(lane string, from Seq, maxRecords int, maxBytes int64) (Batch, error)
	Settle(lane string, s Settlement) (Revision, error)
	// Waits says whether the record of a number, should it be for a lane, waits there.
	Waits(lane string, seq Seq) bool
}

// What is read, and appended, at once.
const (
	moveRecords = 500
	moveBytes   = 1 << 20
)

// Reroute goes through what a lane has waiting before upTo. A record for which route names
// lanes is appended to those of them that have not had it, as it was received, and settled
// here; those for which route names none stay where they are, and so do those that all of
// the lanes have had. It returns how many found another lane, and how many stay. A crash in
// between costs nothing: what was appended already is known by its key, in which word says
// what the records are moved for.
func Reroute(ctx context.Context, q Mover, lane, word string, upTo Seq, route func(Record) []string) (moved, stayed int, err error) {
	for from := Seq(0); from < upTo; {
		b, err := q.Read(lane, from, moveRecords, moveBytes)
		if err != nil {
			return moved, stayed, err
		}
		if i := slices.IndexFunc(b.Records, func(r Record) bool { return r.Seq >= upTo }); i >= 0 {
			b.Next, b.More, b.Records = b.Records[i].Seq, false, b.Records[:i]
		}
		if len(b.Records) == 0 {
			return moved, stayed, nil
		}
		var entries []Entry
		counted := 0
		stays := make([]bool, len(b.Records))
		for i := range b.Records {
			e, found := reroute(q, lane, word, &b.Records[i], route)
			if stays[i] = !found; stays[i] {
				stayed++
				continue
			}
			counted++
			if len(e.Lanes) > 0 {
				entries = append(entries, e)
			}
		}
		if len(entries) > 0 {
			if _, err := q.Append(ctx, entries); err != nil {
				return moved, stayed, err
			}
		}
		if counted > 0 {
			done := Settlement{Settled: b.Done(func(i int) bool { return stays[i] }), Counts: map[string]int{"rerouted": counted}}
			if _, err := q.Settle(lane, done); err != nil {
				return moved, stayed, err
			}
			moved += counted
		}
		if !b.More {
			return moved, stayed, nil
		}
		from = b.Next
	}
	return moved, stayed, nil
}

// reroute makes the entry that a record is moved as: one without lanes when it waits in
// all of its new ones as this very record. false: it stays. Where it is settled it was
// delivered, or moved away: nobody knows which, so it is neither sent there again nor
// given up here.
func reroute(q Mover, lane, word string, r *Record, route func(Record) []string) (e Entry, found bool) {
	to := slices.DeleteFunc(slices.Clone(route(*r)), func(l string) bool { return l == lane })
	waits := slices.ContainsFunc(to, func(l string) bool { return slices.Contains(r.Lanes, l) && q.Waits(l, r.Seq) })
	to = slices.DeleteFunc(to, func(l string) bool { return slices.Contains(r.Lanes, l) || slices.Contains(r.Had, l) })
	if len(to) == 0 {
		return Entry{}, waits
	}
	// This lane has nothing more of it then: it may get it back.
	had := slices.DeleteFunc(r.Everywhere(), func(l string) bool { return l == lane })
	return Entry{
		ID: r.ID, Store: r.Store, Had: had, Space: ByKey, Key: fmt.Sprintf("%s:%s:%x", word, lane, uint64(r.Seq)),
		Lanes: to, Received: r.Received, Flags: r.Flags.WithSlots(r.Settled), Body: r.Body,
	}, true
}

// Move is Reroute of all but the records of stay to one lane.
func Move(ctx context.Context, q Mover, from, to string, upTo Seq, stay []Seq) (moved, stayed int, err error) {
	return Reroute(ctx, q, from, "move", upTo, func(r Record) []string {
		if slices.Contains(stay, r.Seq) {
			return nil
		}
		return []string{to}
	})
}

// Letters is what redriving needs of an engine.
type Letters interface {
	Append(ctx context.Context, entries []Entry) (Appended, error)
	DeadLetter(id string) (DeadLetter, error)
}

// Redrive appends dead letters to the lanes route names, as they were received
// (DeadLetter.Again), and has remove remove them. Those for which route names none stay, and
// those that had to be cut. A crash in between costs nothing: the same call again finds the
// copy and only removes. It returns how many were redriven.
func Redrive(ctx context.Context, q Letters, ids []string, route func(DeadLetter) []string, remove func(ids []string) (int, error)) (total int, err error) {
	for len(ids) > 0 {
		var entries []Entry
		var done []string
		for size := 0; len(ids) > 0 && len(entries) < moveRecords && size < moveBytes; ids = ids[1:] {
			d, err := q.DeadLetter(ids[0])
			if err != nil && !errors.Is(err, ErrNotFound) {
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
		if _, err := q.Append(ctx, entries); err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
		n, err := remove(done)
		if total += n; err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
	}
	return total, nil
}
