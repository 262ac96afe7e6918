package dead

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/queue"
	"relay/queue/local/internal/files"
)

// batchBytes is how much a file that is being written takes in one transaction.
const batchBytes = 1 << 20

// writer fills a new file.
type writer struct {
	s          *Store
	db         *bolt.DB
	tx         *bolt.Tx
	c          change
	all, share tally
	pending    int    // bytes in tx
	used       uint64 // behind the highest number
	clashes    []clash
}

// clash is a row whose number another one has. One of the two is of a transaction
// that never ended, and nobody can say which: both stay.
type clash struct {
	k []byte
	r row
}

// ready has a transaction with room.
func (w *writer) ready() error {
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
	w.tx, w.c = tx, w.s.change(tx)
	return nil
}

// put stores a row; of two under one key the newer one stays.
func (w *writer) put(k []byte, r row) error {
	if err := w.ready(); err != nil {
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

// close gives up what is not flushed.
func (w *writer) close() error {
	if w.tx != nil {
		_ = w.tx.Rollback()
	}
	return w.db.Close()
}

// rebuild writes a new file of what fill puts and moves it into the place of the
// old one, whose free pages go with it. next is called before that with the
// number behind the highest one and gives the one for the next letter. On error
// the old file stays. The caller holds s.mu, or has s alone.
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
	_ = s.close() // there are systems where an open file cannot be replaced
	if err := files.Replace(tmp, s.path, s.o.NoSync); err != nil {
		db, oerr := s.o.Files.Open(s.path)
		if oerr == nil {
			s.db = db
		}
		return fmt.Errorf("replace %s: %w", filepath.Base(s.path), err)
	}
	s.unsure = false
	s.counted(w.all, w.share)
	if s.db, err = s.o.Files.Open(s.path); err != nil {
		s.db = nil
		return fmt.Errorf("open dead letters: %w", err)
	}
	return nil
}

// begin makes a file without letters.
func (s *Store) begin(path string) (*writer, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true, Timeout: time.Second})
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
		if err := w.ready(); err != nil {
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

// create makes the file.
func (s *Store) create() error {
	return s.rebuild(func(func([]byte, row) error) error { return nil },
		func(uint64) (uint64, error) { return s.o.First, nil })
}

// rewrite writes the file anew with what change makes of each row. It drops
// those that change makes nothing of.
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

func same(_ []byte, r row) (row, bool, error) { return r, true, nil }

// Loose says that more than half of the file is free.
func (s *Store) Loose() bool {
	fi, err := os.Stat(s.path)
	rows, bytes := s.Stats()
	return err == nil && fi.Size() > 2*(bytes+bytes/4+rows*256)+1<<20
}

// Compact writes the file anew, which gives its free pages back to the disk.
func (s *Store) Compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return err
	}
	return s.rewrite(same)
}

// Forget removes every letter that matches, hidden ones too, so that none of its
// bytes stay in the file. What does not open for damage goes as well: nobody can
// say whose it is. It returns how many went; with dry, how many would.
func (s *Store) Forget(match func(queue.DeadLetter) bool, dry bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
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
		lingers = true // in what was not looked at, for all anybody knows
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

// Reseal writes the file anew when a row in it, on a page in use or not, is
// sealed with another key than the one in force.
func (s *Store) Reseal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
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
