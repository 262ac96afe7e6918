package meta

import (
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/queue/local/internal/files"
)

// Note returns the value stored under key, or nil.
func (s *Store) Note(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes[key])
}

// SetNote stores a small value under key; nil removes it.
func (s *Store) SetNote(key string, val []byte) error {
	err := s.update(func(tx *bolt.Tx) error {
		if val == nil {
			return tx.Bucket(bucketNotes).Delete([]byte(key))
		}
		return putRow(tx, s.o.Ring, bucketNotes, []byte(key), val)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if val == nil {
		delete(s.notes, key)
	} else {
		s.notes[key] = val
	}
	return nil
}

// Voids returns the void ranges, saved or not.
func (s *Store) Voids() []Void {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.voids)
}

// AddVoid adds a void range. The next SaveVoids saves it.
func (s *Store) AddVoid(v Void) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.voids = append(s.voids, v)
}

// SaveVoids saves the void ranges. Only one goroutine calls it.
func (s *Store) SaveVoids() error {
	s.mu.Lock()
	voids, saved := slices.Clone(s.voids), s.voidsSaved
	s.mu.Unlock()
	if len(voids) == saved {
		return nil
	}
	err := s.update(func(tx *bolt.Tx) error {
		for _, v := range voids[saved:] {
			if err := putVoid(tx, s.o.Ring, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.voidsSaved = len(voids)
	s.mu.Unlock()
	return nil
}

// Sealed returns how many records a sealed segment held; noted is false if that is unknown.
func (s *Store) Sealed(num uint64) (records int64, noted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records, noted = s.sealed[num]
	return records, noted
}

// AllSealed returns the numbers of the segments whose record count is stored, ascending.
func (s *Store) AllSealed() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.sealed))
}

// NoteSealed stores how many records each sealed segment holds. It removes the counts of
// segments that are neither in records nor in others.
func (s *Store) NoteSealed(records map[uint64]int64, others []uint64) error {
	s.mu.Lock()
	set, gone := make(map[uint64]int64), maps.Clone(s.sealed)
	for num, n := range records {
		delete(gone, num)
		if was, ok := s.sealed[num]; !ok || n != was {
			set[num] = n
		}
	}
	s.mu.Unlock()
	for _, num := range others {
		delete(gone, num)
	}
	if len(set) == 0 && len(gone) == 0 {
		return nil
	}
	err := s.update(func(tx *bolt.Tx) error {
		for num := range gone {
			if err := tx.Bucket(bucketDir).Delete(sealedKey(num)); err != nil {
				return err
			}
		}
		for num, n := range set {
			if err := putSealed(tx, s.o.Ring, num, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.sealed, set)
	for num := range gone {
		delete(s.sealed, num)
	}
	return nil
}

// ForgetSealed removes the record counts of segments.
func (s *Store) ForgetSealed(nums []uint64) error {
	s.mu.Lock()
	noted := slices.DeleteFunc(slices.Clone(nums), func(num uint64) bool { _, ok := s.sealed[num]; return !ok })
	s.mu.Unlock()
	if len(noted) == 0 {
		return nil
	}
	err := s.update(func(tx *bolt.Tx) error {
		for _, num := range noted {
			if err := tx.Bucket(bucketDir).Delete(sealedKey(num)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, num := range noted {
		delete(s.sealed, num)
	}
	return nil
}

// Keys returns the ids of the keys in use in the directory.
func (s *Store) Keys() []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

// SetKeys replaces the list of keys.
func (s *Store) SetKeys(ids []uint32) error {
	err := s.update(func(tx *bolt.Tx) error {
		return putInfo(tx, Info{Format: files.Version, Sum: files.FormatSum(files.Version), Keys: ids})
	})
	if err != nil {
		return err
	}
	s.storeKeys(ids)
	return nil
}

// Reseal encrypts everything in the file with the current key, id, which becomes the only
// one on the list. It fails if the list is no longer was. The file is rewritten, since a
// replaced row would stay readable in a free page.
func (s *Store) Reseal(id uint32, was []uint32) error {
	ids := []uint32{id}
	if err := s.submit(&op{alone: func() error { return s.reseal(ids, was) }, done: make(chan error, 1)}); err != nil {
		return err
	}
	s.storeKeys(ids)
	return nil
}

func (s *Store) storeKeys(ids []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = ids
}
