package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relay/queue"
)

// DeadLetters calls fn for each dead letter behind the id after (empty: from
// the first), oldest first, until fn returns false. Nothing is locked while fn
// runs; it may drop or redrive what it is given.
func (q *Queue) DeadLetters(after string, fn func(DeadLetter) bool) error {
	seg, idx := uint64(0), uint64(0)
	if after != "" {
		var ok bool
		if seg, idx, ok = parseDeadID(after); !ok {
			return fmt.Errorf("dead letter %q: %w", after, ErrNotFound)
		}
		idx++
	}
	for {
		var page []DeadLetter
		err := q.bounded(fmt.Sprintf("dead letters %x %x", seg, idx), func() (err error) {
			if err := q.dead.wait(); err != nil {
				return err
			}
			page, err = q.dead.page(seg, idx, 100)
			return err
		})
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, dl := range page {
			if !fn(dl) {
				return nil
			}
		}
		seg, idx, _ = parseDeadID(page[len(page)-1].ID)
		idx++
	}
}

// DeadLetter gives one; ErrNotFound when there is none of that id.
func (q *Queue) DeadLetter(id string) (DeadLetter, error) {
	seg, idx, ok := parseDeadID(id)
	if !ok {
		return DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, ErrNotFound)
	}
	if err := q.dead.wait(); err != nil {
		return DeadLetter{}, err
	}
	page, err := q.dead.page(seg, idx, 1)
	if err != nil {
		return DeadLetter{}, err
	}
	if len(page) == 0 || page[0].ID != id {
		return DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, ErrNotFound)
	}
	return page[0], nil
}

// DropDead removes dead letters, durably, and returns how many there were.
func (q *Queue) DropDead(ids ...string) (int, error) {
	n, err := q.removeDead(ids)
	q.drop(queue.DropDeadOperator, int64(n))
	return n, err
}

func (q *Queue) removeDead(ids []string) (int, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	if err := q.dead.wait(); err != nil {
		return 0, err
	}
	bySeg := make(map[uint64][]uint64)
	for _, id := range ids {
		if seg, idx, ok := parseDeadID(id); ok {
			bySeg[seg] = append(bySeg[seg], idx)
		}
	}
	d := q.dead
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tally()
	total := 0
	for i := 0; i < len(d.segs); i++ {
		s := d.segs[i]
		idx := bySeg[s.num]
		if len(idx) == 0 {
			continue
		}
		n, err := d.remove(s, idx, false)
		total += n
		if err != nil {
			return total, fmt.Errorf("drop dead letters: %w", err)
		}
		if i < len(d.segs) && d.segs[i] != s {
			i--
		}
	}
	return total, nil
}

// Redrive appends dead letters to the lanes route names, as they were received,
// and removes them. Those for which route names none stay. A crash in between
// costs nothing: the same call again finds the copy and only removes. It
// returns how many were redriven.
func (q *Queue) Redrive(ids []string, route func(DeadLetter) []string) (int, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	total := 0
	for len(ids) > 0 {
		var entries []Entry
		var done []string
		size := 0
		for len(ids) > 0 && len(entries) < 500 && size < 1<<20 {
			dl, err := q.DeadLetter(ids[0])
			if errors.Is(err, ErrNotFound) {
				ids = ids[1:]
				continue
			}
			if err != nil {
				return total, fmt.Errorf("redrive: %w", err)
			}
			ids = ids[1:]
			lanes := route(dl)
			if len(lanes) == 0 {
				continue
			}
			e := dl.Again()
			e.Space, e.Key, e.Lanes = queue.ByKey, "dead:"+dl.ID, lanes
			entries = append(entries, e)
			done = append(done, dl.ID)
			size += len(dl.Body)
		}
		if len(entries) == 0 {
			return total, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), q.o.AppendTimeout+time.Second)
		_, err := q.Append(ctx, entries)
		cancel()
		if err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
		n, err := q.removeDead(done)
		total += n
		if err != nil {
			return total, fmt.Errorf("redrive: %w", err)
		}
	}
	return total, nil
}
