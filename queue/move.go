package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Mover is the part of an engine that moving records needs.
type Mover interface {
	Append(ctx context.Context, entries []Entry) (Appended, error)
	Read(lane string, from Seq, maxRecords int, maxBytes int64) (Batch, error)
	Settle(lane string, s Settlement) (Revision, error)
	// IsPending reports whether the record with this number, if it is for lane, is not settled
	// there.
	IsPending(lane string, seq Seq) bool
}

// The most that is read and appended at once.
const (
	moveRecords = 500
	moveBytes   = 1 << 20
)

// Reroute goes through the pending records of lane before upTo. If route names lanes for a record,
// the record is appended, as it was received, to those lanes that have not had it, and is settled
// in lane. A record stays if route names no lane, or if all the named lanes have had it. Reroute
// returns how many records were rerouted and how many stay. It is safe to repeat after a crash: a
// record that was already appended is recognised by its key, which contains purpose.
func Reroute(ctx context.Context, q Mover, lane, purpose string, upTo Seq, route func(Record) []string) (moved, stayed int, err error) {
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
		rerouted := 0
		keep := make([]bool, len(b.Records))
		for i := range b.Records {
			e, handled := reroute(q, lane, purpose, &b.Records[i], route)
			if keep[i] = !handled; keep[i] {
				stayed++
				continue
			}
			rerouted++
			if len(e.Lanes) > 0 {
				entries = append(entries, e)
			}
		}
		if len(entries) > 0 {
			if _, err := q.Append(ctx, entries); err != nil {
				return moved, stayed, err
			}
		}
		if rerouted > 0 {
			done := Settlement{Settled: b.RangesExcept(func(i int) bool { return keep[i] }), Counts: map[string]int{"rerouted": rerouted}}
			if _, err := q.Settle(lane, done); err != nil {
				return moved, stayed, err
			}
			moved += rerouted
		}
		if !b.More {
			return moved, stayed, nil
		}
		from = b.Next
	}
	return moved, stayed, nil
}

// reroute makes the entry for a rerouted record. The entry has no lanes if the record itself is
// already pending in all of its new lanes. handled is false if the record stays: a new lane has
// settled it, and whether it was delivered there or moved away is unknown, so it is neither sent
// there again nor dropped here.
func reroute(q Mover, lane, purpose string, r *Record, route func(Record) []string) (e Entry, handled bool) {
	to := slices.DeleteFunc(slices.Clone(route(*r)), func(l string) bool { return l == lane })
	waits := slices.ContainsFunc(to, func(l string) bool { return slices.Contains(r.Lanes, l) && q.IsPending(l, r.Seq) })
	to = slices.DeleteFunc(to, func(l string) bool { return slices.Contains(r.Lanes, l) || slices.Contains(r.SeenBy, l) })
	if len(to) == 0 {
		return Entry{}, waits
	}
	// After this the lane no longer holds the record, so it may be moved back here later.
	had := slices.DeleteFunc(r.AllLanes(), func(l string) bool { return l == lane })
	return Entry{
		ID: r.ID, Store: r.Store, SeenBy: had, Space: ByKey, Key: fmt.Sprintf("%s:%s:%x", purpose, lane, uint64(r.Seq)),
		Lanes: to, Received: r.Received, Flags: r.Flags.WithSlots(r.Settled), Body: r.Body,
	}, true
}

// Move reroutes all records of from to one lane, except the records in stay.
func Move(ctx context.Context, q Mover, from, to string, upTo Seq, stay []Seq) (moved, stayed int, err error) {
	return Reroute(ctx, q, from, "move", upTo, func(r Record) []string {
		if slices.Contains(stay, r.Seq) {
			return nil
		}
		return []string{to}
	})
}

// DeadLetters is the part of an engine that redriving needs.
type DeadLetters interface {
	Append(ctx context.Context, entries []Entry) (Appended, error)
	DeadLetter(id string) (DeadLetter, error)
}

// Redrive appends dead letters, as they were received (DeadLetter.RedriveEntries), to the lanes
// that route names, and then calls remove for them. A letter stays if route names no lane for it,
// or if its body was cut. Redrive is safe to repeat after a crash: it then finds the copies and
// only removes the letters. It returns how many were redriven.
func Redrive(ctx context.Context, q DeadLetters, ids []string, route func(DeadLetter) []string, remove func(ids []string) (int, error)) (total int, err error) {
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
			entries, done, size = append(entries, d.RedriveEntries(lanes)...), append(done, d.ID), size+len(d.Body)
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
