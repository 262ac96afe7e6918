package dead

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/age"
)

func isDamaged(err error) bool { return errors.Is(err, seal.ErrDamaged) }

// each calls fn for the letters from a number on, in the order of their numbers, until fn
// returns false. It skips hidden and damaged letters. The caller holds s.mu.
func (s *Store) each(tx *bolt.Tx, from uint64, fn func(k []byte, r row) (bool, error)) error {
	letters := tx.Bucket(bucketLetters)
	c := tx.Bucket(bucketOrder).Cursor()
	for n, k := c.Seek(numberKey(from)); n != nil; n, k = c.Next() {
		v := letters.Get(k)
		if v == nil {
			continue // the file is damaged; the next Open repairs it
		}
		r, err := decodeRow(k, v)
		if err != nil || string(numberKey(r.number)) != string(n) || s.isHidden(k) {
			continue
		}
		if more, err := fn(k, r); err != nil || !more {
			return err
		}
	}
	return nil
}

func (s *Store) isHidden(k []byte) bool {
	if len(s.hidden) == 0 {
		return false
	}
	lane, _, _, _ := splitKey(k)
	return s.hidden[lane][string(k)]
}

// List returns up to n letters from a number on, oldest first.
func (s *Store) List(from uint64, n int) (out []queue.DeadLetter, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, nil
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		out = nil
		return s.each(tx, from, func(k []byte, r row) (bool, error) {
			d, err := s.openLetter(k, r)
			if isDamaged(err) {
				return true, nil
			}
			if err == nil {
				out = append(out, d)
			}
			return len(out) < n, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return out, nil
}

// Get returns one letter, or queue.ErrNotFound.
func (s *Store) Get(number uint64) (queue.DeadLetter, error) {
	page, err := s.List(number, 1)
	if err == nil && (len(page) == 0 || page[0].ID != FormatID(number)) {
		err = fmt.Errorf("dead letter %s: %w", FormatID(number), queue.ErrNotFound)
	}
	if err != nil {
		return queue.DeadLetter{}, err
	}
	return page[0], nil
}

// Remove durably removes letters and returns how many it removed. Hidden letters stay.
func (s *Store) Remove(numbers []uint64) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.update(func(c *change) error {
		n = 0
		for _, number := range numbers {
			k := c.order.Get(numberKey(number))
			if r, ok := c.get(k); !ok || r.number != number || s.isHidden(k) {
				continue
			}
			n++
			if err := c.remove(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Expire removes the letters that are older than old allows, and returns how many. Letters
// are stored in the order of their death, so it stops at the first that is not old. If that
// one has no trusted time, those after it can be older, and Expire continues.
func (s *Store) Expire(old func(age.Stamp) bool) (int, error) {
	var gone []uint64
	s.mu.Lock()
	if s.db != nil {
		err := s.db.View(func(tx *bolt.Tx) error {
			gone = nil
			return s.each(tx, 0, func(_ []byte, r row) (bool, error) {
				if at := r.stamp(); !old(at) {
					return at.At.IsZero(), nil
				}
				gone = append(gone, r.number)
				return true, nil
			})
		})
		if err != nil {
			s.mu.Unlock()
			return 0, fmt.Errorf("read dead letters: %w", err)
		}
	}
	s.mu.Unlock()
	if len(gone) == 0 {
		return 0, nil
	}
	return s.Remove(gone)
}

// EachInFile calls fn for every letter in the file, including removed ones in free pages.
func (s *Store) EachInFile(fn func(queue.DeadLetter)) error {
	return scan(s.path, func(k []byte, r row) error {
		if d, err := s.openLetter(k, r); err == nil {
			fn(d)
		}
		return nil
	})
}
