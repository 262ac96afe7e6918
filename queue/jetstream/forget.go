package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"relay/queue"
)

// Forget settles every record for which f.Record returns true, in all lanes, and removes the
// letters for which f.Letter does. A settled record is never read again, but its bytes remain in
// its chunk until the chunk's other records are settled; Unerased counts such chunks. Removed
// messages remain in the servers' files until these are compacted.
func (q *Queue) Forget(f queue.Forget) (out queue.Forgotten, err error) {
	q.mu.Lock()
	all := slices.Collect(maps.Values(q.view.entries))
	q.mu.Unlock()
	slices.SortFunc(all, func(a, b *entry) int { return compare(queue.Seq(a.order), queue.Seq(b.order)) })
	for _, e := range all {
		if err := q.forgetInChunk(e, &f, &out); err != nil {
			return out, fmt.Errorf("forget: %w", err)
		}
	}
	if f.Letter == nil {
		return out, nil
	}
	var ids []string
	if err := q.DeadLetters("", func(d queue.DeadLetter) bool {
		if f.Letter(&d) {
			ids = append(ids, d.ID)
		}
		return true
	}); err != nil {
		return out, fmt.Errorf("forget: %w", err)
	}
	out.Letters = len(ids)
	if f.Dry || len(ids) == 0 {
		return out, nil
	}
	if _, err := q.Log.DropDead(q.ctx, ids); err != nil {
		return out, fmt.Errorf("forget: %w", err)
	}
	q.CountDropped(queue.DropForgotten, len(ids))
	return out, nil
}

func (q *Queue) forgetInChunk(e *entry, f *queue.Forget, out *queue.Forgotten) error {
	ctx, cancel := q.callContext()
	defer cancel()
	records, err := q.chunkRecordsIfThere(ctx, e)
	if err != nil || records == nil || f.Record == nil {
		return err
	}
	gone := make(map[string][]queue.Range)
	found, waiting := 0, 0
	for i := range records {
		r := records[i]
		if r.Seq = e.base() + queue.Seq(i); !f.Record(&r) {
			continue
		}
		found++
		open := func(lane string) bool { p := e.lanes[lane]; return p != nil && !p.settled.has(i) }
		q.mu.Lock()
		lanes := slices.DeleteFunc(slices.Clone(r.Lanes), func(lane string) bool { return !open(lane) })
		q.mu.Unlock()
		if len(lanes) == 0 { // it is not read any more
			continue
		}
		out.Count(lanes, func(string) bool { return true })
		for _, lane := range lanes {
			gone[lane] = append(gone[lane], queue.Range{From: r.Seq, To: r.Seq + 1})
		}
		waiting++
	}
	if found == 0 || f.Dry {
		return nil
	}
	for lane, ranges := range gone {
		if _, err := q.Settle(lane, queue.Settlement{Settled: ranges}); err != nil {
			return err
		}
	}
	q.CountDropped(queue.DropForgotten, waiting)
	q.mu.Lock()
	if e.unsettledLanes > 0 {
		out.Unerased++
	}
	q.mu.Unlock()
	return nil
}

// chunkRecordsIfThere returns the records of an entry, or nil if it was removed meanwhile by this
// process or, because all lanes have settled it, by another one.
func (q *Queue) chunkRecordsIfThere(ctx context.Context, e *entry) ([]queue.Record, error) {
	records, err := q.chunkRecords(ctx, e)
	if err == nil {
		return records, nil
	}
	q.mu.Lock()
	there := q.view.entries[e.place] == e && (e.unsettledLanes > 0 || !errors.Is(err, errNotShown))
	q.mu.Unlock()
	if !there {
		return nil, nil
	}
	return nil, err
}
