package dead

import (
	"errors"
	"fmt"
	"slices"

	"relay/queue"
)

// Put stores the letters of one settlement of a lane, hidden until Commit. It removes
// uncommitted letters of an earlier Put of the lane, unless they are among the new ones. It
// returns how many other letters were dropped to make space. On queue.ErrDeadFull there is
// no space, and nothing has changed.
func (s *Store) Put(lane string, settlement uint64, letters []queue.DeadLetter) (dropped int, err error) {
	at, rows, cut, err := s.encode(lane, settlement, letters)
	if err != nil {
		return 0, err
	}
	keys := make(map[string]bool, len(letters))
	for _, k := range at {
		keys[string(k)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.hidden[lane]
	hide := make(map[string]bool, len(letters))
	err = s.update(func(c *change) (err error) {
		clear(hide)
		for k := range before {
			if !keys[k] {
				if err := c.remove([]byte(k)); err != nil {
					return err
				}
			}
		}
		for i, k := range at {
			r := rows[i]
			have, ok := c.get(k)
			switch {
			case !ok:
				if r.number, err = c.nextNumber(); err != nil {
					return err
				}
			case hide[string(k)] || before[string(k)]:
				r.number = have.number
			default: // a committed letter, which must stay valid if this settlement does not commit
				r.number, r.settlement = have.number, have.settlement
			}
			if !ok || before[string(k)] {
				hide[string(k)] = true
			}
			if err := c.put(k, r); err != nil {
				return err
			}
		}
		dropped, err = s.makeRoom(c, lane, keys)
		return err
	})
	if errors.Is(err, queue.ErrDeadFull) {
		return 0, err
	}
	if err != nil { // the write can have happened nevertheless
		for k := range before {
			hide[k] = true
		}
		dropped = 0
	}
	s.hidden[lane] = hide
	if err == nil && len(cut) > 0 && s.o.Cut != nil {
		s.o.Cut(len(cut))
	}
	return dropped, err
}

// makeRoom drops the oldest letters, except for those in keep, which belong to lane, until
// all limits hold. Invariant: the letters of one Put fit into an otherwise empty file.
func (s *Store) makeRoom(c *change, lane string, keep map[string]bool) (dropped int, err error) {
	if lane == s.o.ShareOf {
		dropped, err = s.dropOldest(c, func() bool { return s.share.bytes+c.share.bytes > s.maxSize(lane) },
			func(k []byte) bool { return !keep[string(k)] && isLaneKey(k, lane) })
	}
	if err == nil {
		var n int
		n, err = s.dropOldest(c, func() bool { return s.bytes.Load()+c.all.bytes > s.o.MaxSize },
			func(k []byte) bool { return !keep[string(k)] })
		dropped += n
	}
	return dropped, err
}

// maxSize returns the limit for the letters of a lane, in bytes.
func (s *Store) maxSize(lane string) int64 {
	if lane == s.o.ShareOf {
		return s.o.MaxSize / 4
	}
	return s.o.MaxSize
}

// dropOldest drops the oldest droppable rows while over returns true.
func (s *Store) dropOldest(c *change, over func() bool, droppable func(k []byte) bool) (dropped int, err error) {
	if !over() {
		return 0, nil
	}
	var gone [][]byte
	cur := c.order.Cursor()
	for n, k := cur.First(); n != nil && over(); n, k = cur.Next() {
		v := c.letters.Get(k)
		if v == nil || !droppable(k) {
			continue
		}
		if !s.o.DropOldest {
			return 0, queue.ErrDeadFull
		}
		c.count(k, -1, len(v))
		gone = append(gone, slices.Clone(n), slices.Clone(k))
	}
	for i := 0; i < len(gone); i += 2 {
		if err := errors.Join(c.order.Delete(gone[i]), c.letters.Delete(gone[i+1])); err != nil {
			return 0, err
		}
	}
	return len(gone) / 2, nil
}

// encode returns the keys and rows of one settlement, without numbers. If together they
// exceed the limit, the bodies of letters above an equal share of it are cut.
func (s *Store) encode(lane string, settlement uint64, letters []queue.DeadLetter) (keys [][]byte, rows []row, cut map[int]bool, err error) {
	keys, rows, cut = make([][]byte, len(letters)), make([]row, len(letters)), make(map[int]bool)
	size, limit, now := int64(0), s.maxSize(lane), s.o.Stamp()
	one := func(i int, limit int64) error {
		d := letters[i]
		d.ID = ""
		sealed, less, err := s.sealLetter(keys[i], d, limit)
		if less {
			cut[i] = true
		}
		rows[i] = newRow(settlement, now)
		rows[i].sealed = sealed
		return err
	}
	for i := range letters {
		if letters[i].Seq == 0 || lane == "" {
			return nil, nil, nil, fmt.Errorf("dead letter of no record: %w", queue.ErrInvalid)
		}
		keys[i] = rowKey(lane, letters[i].Seq, letters[i].Slot)
		if err := one(i, limit); err != nil {
			return nil, nil, nil, err
		}
		size += int64(rowHead + len(rows[i].sealed))
	}
	if share := limit / int64(max(1, len(letters))); size > limit {
		for i := range letters {
			if int64(rowHead+len(rows[i].sealed)) > share {
				if err := one(i, share); err != nil {
					return nil, nil, nil, err
				}
			}
		}
	}
	return keys, rows, cut, nil
}

// Commit reveals the letters of the lane's last Put: their settlement has committed.
func (s *Store) Commit(lane string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hidden, lane)
}
