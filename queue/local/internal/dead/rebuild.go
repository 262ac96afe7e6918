package dead

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/queue"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/files"
)

// batchBytes is how many bytes of a new file are written in one transaction.
const batchBytes = 1 << 20

// writer writes the rows of a new file.
type writer struct {
	s          *Store
	db         *bolt.DB
	tx         *bolt.Tx
	c          change
	all, share tally
	pending    int    // bytes in tx
	used       uint64 // highest number + 1
	clashes    []clash
}

// clash is a row whose number another row has as well. One of the two belongs to a
// transaction that did not complete. It is unknown which, so both are kept.
type clash struct {
	k []byte
	r row
}

// ensureTx begins a transaction if none is open, committing one that is full first.
func (w *writer) ensureTx() error {
	if w.pending > batchBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.tx != nil {
		return nil
	}
	tx, err := w.db.Begin(true)
	if err != nil {
		return err
	}
	w.tx, w.c = tx, w.s.newChange(tx)
	return nil
}

// put stores a row. If the key exists already, the newer row stays.
func (w *writer) put(k []byte, r row) error {
	if err := w.ensureTx(); err != nil {
		return err
	}
	w.used = max(w.used, r.number+1)
	if o := w.c.order.Get(numberKey(r.number)); o != nil && string(o) != string(k) {
		r.sealed = slices.Clone(r.sealed)
		w.clashes = append(w.clashes, clash{slices.Clone(k), r})
		return nil
	}
	if have, ok := w.c.get(k); ok {
		if !r.newer(&have) {
			return nil
		}
		if err := w.c.order.Delete(numberKey(have.number)); err != nil {
			return err
		}
	}
	w.pending += len(k) + len(r.sealed) + 128
	return w.c.put(k, r)
}

func (w *writer) flush() error {
	if w.tx == nil {
		return nil
	}
	w.all.add(w.c.all)
	w.share.add(w.c.share)
	err := w.tx.Commit()
	w.tx, w.pending = nil, 0
	return err
}

// close closes the file without committing the open transaction.
func (w *writer) close() error {
	if w.tx != nil {
		_ = w.tx.Rollback()
	}
	return w.db.Close()
}

// rebuild writes the rows that fill puts to a new file, which replaces the old one and has
// no free pages. Before that it calls next with the highest number + 1; next returns the
// number for the next letter. On error the old file stays. The caller holds s.mu, or no
// other goroutine has s.
func (s *Store) rebuild(fill func(put func(k []byte, r row) error) error, next func(used uint64) (uint64, error)) error {
	tmp := disk.TempName(s.path)
	defer os.Remove(tmp)
	w, err := s.begin(tmp)
	if err == nil {
		err = w.fill(fill, next)
		if err == nil && !s.o.NoSync {
			err = w.db.Sync()
		}
		err = errors.Join(err, w.close())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(s.path), err)
	}
	_ = s.close() // on some systems an open file cannot be replaced
	if err := files.Replace(tmp, s.path, s.o.NoSync); err != nil {
		db, oerr := s.o.Files.Open(s.path)
		if oerr == nil {
			s.db = db
		}
		return fmt.Errorf("replace %s: %w", filepath.Base(s.path), err)
	}
	s.suspect = false
	s.setCounts(w.all, w.share)
	if s.db, err = s.o.Files.Open(s.path); err != nil {
		s.db = nil
		return fmt.Errorf("open dead letters: %w", err)
	}
	return nil
}

// begin creates a file without letters.
func (s *Store) begin(path string) (*writer, error) {
	db, err := bolt.Open(path, 0o600, boltdb.WriteOptions(true))
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketHeader).Put(keyFormat, s.o.Header)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{s: s, db: db}, nil
}

func (w *writer) fill(fill func(put func(k []byte, r row) error) error, next func(used uint64) (uint64, error)) error {
	if err := fill(w.put); err != nil {
		return err
	}
	clashes := w.clashes
	for _, c := range clashes {
		if err := w.ensureTx(); err != nil {
			return err
		}
		if _, ok := w.c.get(c.k); !ok {
			c.r.number = w.used
			if err := w.put(c.k, c.r); err != nil {
				return err
			}
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	n, err := next(w.used)
	if err != nil {
		return err
	}
	return w.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketOrder).SetSequence(n) })
}

// create creates the file of s, without letters.
func (s *Store) create() error {
	return s.rebuild(func(func([]byte, row) error) error { return nil },
		func(uint64) (uint64, error) { return s.o.First, nil })
}

// rewrite rewrites the file with each row replaced by the result of change. It drops rows
// for which change returns false.
func (s *Store) rewrite(change func(k []byte, r row) (row, bool, error)) error {
	last := uint64(0)
	return s.rebuild(func(put func(k []byte, r row) error) error {
		return s.db.View(func(tx *bolt.Tx) error {
			last = tx.Bucket(bucketOrder).Sequence()
			return tx.Bucket(bucketLetters).ForEach(func(k, v []byte) error {
				r, err := decodeRow(k, v)
				if err != nil {
					return err
				}
				r, ok, err := change(k, r)
				if err != nil || !ok {
					return err
				}
				return put(k, r)
			})
		})
	}, func(uint64) (uint64, error) { return last, nil })
}

func keepRow(_ []byte, r row) (row, bool, error) { return r, true, nil }

// MostlyFree reports whether more than half of the file is free.
func (s *Store) MostlyFree() bool {
	fi, err := os.Stat(s.path)
	rows, bytes := s.Stats()
	return err == nil && fi.Size() > 2*(bytes+bytes/4+rows*256)+1<<20
}

// Compact rewrites the file, which returns its free pages to the disk.
func (s *Store) Compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ensureWritable(); err != nil {
		return err
	}
	return s.rewrite(keepRow)
}

// Forget removes every matching letter, hidden ones too, so that none of its bytes stay in
// the file. It also removes letters too damaged to be decoded, since they could match. It
// returns how many it removed, or with dry how many it would remove.
func (s *Store) Forget(match func(queue.DeadLetter) bool, dry bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ensureWritable(); err != nil {
		return 0, err
	}
	matches := func(k []byte, r row) (bool, error) {
		d, err := s.openLetter(k, r)
		if isDamaged(err) {
			return true, nil
		}
		return err == nil && match(d), err
	}
	lingers := false
	if err := scan(s.path, func(k []byte, r row) error {
		if !lingers {
			m, err := matches(k, r)
			lingers = m || err != nil
		}
		return nil
	}); errors.Is(err, errScanCost) {
		lingers = true // a matching letter can be in the part that was not searched
	} else if err != nil {
		return 0, err
	}
	n := 0
	switch {
	case !lingers:
		return 0, nil
	case dry:
		err := s.db.View(func(tx *bolt.Tx) error {
			return tx.Bucket(bucketLetters).ForEach(func(k, v []byte) error {
				r, err := decodeRow(k, v)
				if err != nil {
					return err
				}
				m, err := matches(k, r)
				if m {
					n++
				}
				return err
			})
		})
		return n, err
	}
	err := s.rewrite(func(k []byte, r row) (row, bool, error) {
		m, err := matches(k, r)
		if m {
			n++
		}
		return r, !m, err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Reseal rewrites the file if any row in it, in free pages too, is encrypted with a key
// other than the current one.
func (s *Store) Reseal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ensureWritable(); err != nil {
		return err
	}
	cur, other := s.o.Ring.Keys().Current(), false
	if err := scan(s.path, func(_ []byte, r row) error {
		other = other || r.keyID() != cur
		return nil
	}); errors.Is(err, errScanCost) {
		other = true
	} else if err != nil {
		return err
	}
	if !other {
		return nil
	}
	return s.rewrite(func(k []byte, r row) (row, bool, error) {
		plain, err := s.o.Ring.Open(rowPurpose, 0, k, r.sealed)
		if err == nil {
			r.sealed, err = s.o.Ring.Seal(nil, rowPurpose, 0, k, plain)
		}
		return r, true, err
	})
}
