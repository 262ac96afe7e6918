package dead

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local/internal/age"
)

var (
	bucketHeader  = []byte("header")
	bucketLetters = []byte("letters")
	bucketOrder   = []byte("order")
	buckets       = [][]byte{bucketHeader, bucketLetters, bucketOrder}
	keyFormat     = []byte("format")
)

// Options configure a Store. All fields except for the booleans, ShareOf, Repaired, Cut and
// Full must be set.
type Options struct {
	Ring       *seal.Ring
	Codec      Codec
	Files      Files
	Stamp      func() age.Stamp // the current moment
	MaxSize    int64            // limit of all rows together, bytes
	ShareOf    string           // a lane limited to a quarter of MaxSize; empty: none
	DropOldest bool             // when full, drop the oldest letters; otherwise Put fails with queue.ErrDeadFull
	First      uint64           // number of the first letter in an empty file; never used before
	Header     []byte           // written to a new file
	// Format checks the header of a file. On seal.ErrDamaged the file is repaired; on any
	// other error Open fails.
	Format func(header []byte) error
	// Committed returns the last committed settlement of a lane. ok is false if it is
	// unknown: then every letter of the lane is valid.
	Committed func(lane string) (settlement uint64, ok bool)
	Repaired  func(Repair)      // called when a damaged file was replaced
	Cut       func(letters int) // called when the bodies of so many letters were cut
	Full      func() bool       // frees space on a full volume; true: try again
	ReadOnly  bool
	NoSync    bool
}

// Codec compresses letters.
type Codec interface {
	Compress(dst, raw []byte) (out []byte, codec byte) // appends
	Decompress(codec byte, b []byte, rawLen int) ([]byte, error)
}

// DB is an open bbolt file.
type DB interface {
	View(fn func(*bolt.Tx) error) error
	Update(fn func(*bolt.Tx) error) error
	Close() error
}

// Files opens bbolt files and reads those that must not be trusted.
type Files interface {
	Open(path string) (DB, error)
	// Walk calls the function that visit returns for all rows of a file, in order. It
	// returns seal.ErrDamaged if the tree is damaged. It can start over; then it calls
	// visit again.
	Walk(path string, buckets [][]byte, visit func() func(bucket string, k, v []byte) error) error
	// KeepCopy keeps the damaged file at path under a second name.
	KeepCopy(path string) error
}

// Store is an open dead.db. Its methods can be called from any goroutine.
type Store struct {
	path string
	o    Options

	mu      sync.Mutex // held while the disk is written
	db      DB         // nil: there is no file yet, or it could not be reopened
	suspect bool       // a write failed: the disk can have dropped data that still reads correctly
	// hidden has the keys of uncommitted letters, by lane.
	hidden map[string]map[string]bool

	rows, bytes atomic.Int64
	share       tally // the part of rows and bytes that belongs to Options.ShareOf; under mu
}

// tally is a number of letters and the size of their rows.
type tally struct{ rows, bytes int64 }

func (t *tally) add(o tally) { t.rows, t.bytes = t.rows+o.rows, t.bytes+o.bytes }

// Open opens the file at path, or creates it. It repairs a damaged file, and removes the
// letters of settlements that did not commit. If the volume has no space for a new file,
// the first Put creates it.
func Open(path string, o Options) (*Store, error) {
	s := &Store{path: path, o: o, hidden: make(map[string]map[string]bool)}
	if o.Full == nil {
		s.o.Full = func() bool { return false }
	}
	found, err := s.verify()
	if errors.Is(err, fs.ErrNotExist) {
		if o.ReadOnly {
			return s, nil
		}
		if err := s.create(); err != nil && !disk.NoSpace(err) {
			return nil, err
		}
		return s, nil
	}
	for tries := 0; ; tries++ {
		treeIntact := err == nil && found.hasBadRows() && !o.ReadOnly
		switch {
		case treeIntact:
			err = damaged("%d rows", found.bad)
		case err == nil:
			s.db, err = o.Files.Open(path)
		}
		if !isDamaged(err) || o.ReadOnly || tries == 2 {
			break
		}
		if err = s.repair(err, treeIntact); err != nil {
			break
		}
		_ = s.close() // verify the repaired file like any other
		found, err = s.verify()
	}
	if err != nil {
		return nil, fmt.Errorf("open dead letters: %w", err)
	}
	s.setCounts(found.all, found.share)
	s.hidden = found.void
	if len(s.hidden) > 0 && !o.ReadOnly {
		if err := s.removeVoid(); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// removeVoid removes all hidden letters.
func (s *Store) removeVoid() error {
	if err := s.update(func(c *change) error {
		for _, keys := range s.hidden {
			for k := range keys {
				if err := c.remove([]byte(k)); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	s.hidden = make(map[string]map[string]bool)
	return nil
}

// Close closes the file. It can be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}

func (s *Store) close() error {
	db := s.db
	s.db = nil
	if db == nil {
		return nil
	}
	return db.Close()
}

// setCounts sets the counters: of all letters, and of those of Options.ShareOf.
func (s *Store) setCounts(all, share tally) {
	s.rows.Store(all.rows)
	s.bytes.Store(all.bytes)
	s.share = share
}

// Stats returns the number of letters and the size of their rows. It never waits for the
// disk.
func (s *Store) Stats() (letters, bytes int64) { return s.rows.Load(), s.bytes.Load() }

// Copy writes a synced copy of the file to path. If there is no file it does nothing.
func (s *Store) Copy(path string) error {
	s.mu.Lock()
	if s.db == nil {
		s.mu.Unlock()
		return nil
	}
	unlock := sync.OnceFunc(s.mu.Unlock)
	defer unlock()
	return s.db.View(func(tx *bolt.Tx) error {
		unlock() // bbolt keeps the file open until tx ends
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(f)
		return errors.Join(err, f.Sync(), f.Close())
	})
}

// change is a write transaction and how it changes the counters.
type change struct {
	letters, order *bolt.Bucket
	shareOf        string
	all, share     tally // growth
}

// newChange returns a change in tx, which the caller ends.
func (s *Store) newChange(tx *bolt.Tx) change {
	c := change{letters: tx.Bucket(bucketLetters), order: tx.Bucket(bucketOrder), shareOf: s.o.ShareOf}
	c.letters.FillPercent, c.order.FillPercent = 0.9, 0.9
	return c
}

// count adds n rows of the given size under k to the counters. n can be negative.
func (c *change) count(k []byte, n, size int) {
	t := tally{int64(n), int64(n * size)}
	c.all.add(t)
	if c.shareOf != "" && isLaneKey(k, c.shareOf) {
		c.share.add(t)
	}
}

// get returns the row under k. A damaged row counts as absent.
func (c *change) get(k []byte) (row, bool) {
	v := c.letters.Get(k)
	if v == nil {
		return row{}, false
	}
	r, err := decodeRow(k, v)
	return r, err == nil
}

func (c *change) put(k []byte, r row) error {
	if v := c.letters.Get(k); v != nil {
		c.count(k, -1, len(v))
	}
	b := r.encode(k)
	c.count(k, 1, len(b))
	// bbolt copies keys but not values, and k can be in a page of another file.
	return errors.Join(c.letters.Put(k, b), c.order.Put(numberKey(r.number), bytes.Clone(k)))
}

func (c *change) remove(k []byte) error {
	v := c.letters.Get(k)
	if v == nil {
		return nil
	}
	c.count(k, -1, len(v))
	if r, err := decodeRow(k, v); err == nil {
		if err := c.order.Delete(numberKey(r.number)); err != nil {
			return err
		}
	}
	return c.letters.Delete(k)
}

// nextNumber takes the next number.
func (c *change) nextNumber() (uint64, error) {
	n := c.order.Sequence()
	return n, c.order.SetSequence(n + 1)
}

// update runs fn in a synced transaction. If fn returns an error, update returns that error
// unchanged, and the file is unchanged. The caller holds s.mu.
func (s *Store) update(fn func(c *change) error) error {
	if err := s.ensureWritable(); err != nil {
		return err
	}
	var c change
	var refused error
	run := func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			c = s.newChange(tx)
			refused = fn(&c)
			return refused
		})
	}
	err := run()
	if err != nil && refused == nil && disk.NoSpace(err) && s.o.Full() {
		err = run()
	}
	switch {
	case refused != nil:
		return refused
	case err != nil:
		s.suspect = true
		return fmt.Errorf("write dead letters: %w", err)
	}
	s.rows.Add(c.all.rows)
	s.bytes.Add(c.all.bytes)
	s.share.add(c.share)
	return nil
}

// ensureWritable opens or creates the file. After a failed write it first rewrites the
// file: the disk can have dropped unconfirmed data that still reads correctly. The caller
// holds s.mu.
func (s *Store) ensureWritable() error {
	if s.o.ReadOnly {
		return errors.ErrUnsupported
	}
	if s.db == nil {
		db, err := s.o.Files.Open(s.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open dead letters: %w", err)
		}
		s.db = db
		if err != nil {
			err = s.create()
			if err != nil && disk.NoSpace(err) && s.o.Full() {
				err = s.create()
			}
			return err
		}
	}
	if !s.suspect {
		return nil
	}
	err := s.rewrite(keepRow)
	switch {
	case isDamaged(err):
		_ = s.close()
		found, verr := s.verify()
		if verr != nil && !isDamaged(verr) {
			return verr
		}
		return s.repair(err, verr == nil && found.hasBadRows())
	case disk.NoSpace(err):
		return nil // the next letter can still fit into the old file
	}
	return err
}
