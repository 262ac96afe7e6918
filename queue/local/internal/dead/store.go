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

// Options tune a Store. All but the booleans and Full must be set.
type Options struct {
	Ring       *seal.Ring
	Codec      Codec
	Files      Files
	Stamp      func() age.Stamp // for what dies now
	MaxSize    int64            // bound of the rows together
	ShareOf    string           // a lane whose rows have a quarter of MaxSize at most; empty: none
	DropOldest bool             // when full; else Put fails with queue.ErrDeadFull
	First      uint64           // number of the first letter in a file that starts empty; never used before
	Header     []byte           // is written to a new file
	// Format judges the header of a file. An error of its own refuses the file,
	// seal.ErrDamaged has it repaired.
	Format func(header []byte) error
	// Committed gives the last settlement of a lane that committed. ok is false
	// when nobody knows: then every letter of the lane is valid.
	Committed func(lane string) (settlement uint64, ok bool)
	Repaired  func(Repair)      // a damaged file was replaced
	Cut       func(letters int) // so many were larger than all room, and lost the end of their bodies
	Full      func() bool       // frees room on a full volume; true: try again
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
	// Walk visits all rows of a file in order. seal.ErrDamaged: its tree is not
	// whole. It may start over; visit then gives a new visitor.
	Walk(path string, buckets [][]byte, visit func() func(bucket string, k, v []byte) error) error
	// Keep gives a damaged file a second name under which it stays.
	Keep(path string) error
}

// Store is an open dead.db. Its methods may be called from any goroutine.
type Store struct {
	path string
	o    Options

	mu     sync.Mutex // held while the disk is written
	db     DB         // nil: there is no file yet, or it could not be opened again
	unsure bool       // a write failed: what is in the file may not be on the disk
	// hidden has the keys that each lane has put and not committed.
	hidden map[string]map[string]bool

	rows, bytes atomic.Int64
	share       tally // of rows and bytes, those of Options.ShareOf; under mu
}

// tally is letters and the size of their rows.
type tally struct{ rows, bytes int64 }

func (t *tally) add(o tally) { t.rows, t.bytes = t.rows+o.rows, t.bytes+o.bytes }

// Open opens the file at path, or makes it. A damaged one is repaired first.
// Letters of settlements that did not commit are removed. A new file for which
// the volume has no room is made by the first Put.
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
		whole := err == nil && found.flawed() && !o.ReadOnly
		switch {
		case whole:
			err = damaged("%d rows", found.bad)
		case err == nil:
			s.db, err = o.Files.Open(path)
		}
		if !isDamaged(err) || o.ReadOnly || tries == 2 {
			break
		}
		if err = s.repair(err, whole); err != nil {
			break
		}
		_ = s.close() // it is verified like any other
		found, err = s.verify()
	}
	if err != nil {
		return nil, fmt.Errorf("open dead letters: %w", err)
	}
	s.counted(found.all, found.share)
	s.hidden = found.void
	if len(s.hidden) > 0 && !o.ReadOnly {
		if err := s.removeVoid(); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// removeVoid removes all letters that are hidden.
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

// Close closes the file. It may be called again.
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

// counted says what the file holds, and how much of that is of Options.ShareOf.
func (s *Store) counted(all, share tally) {
	s.rows.Store(all.rows)
	s.bytes.Store(all.bytes)
	s.share = share
}

// Stats gives how many letters there are and the size of their rows. It never
// waits for the disk.
func (s *Store) Stats() (letters, bytes int64) { return s.rows.Load(), s.bytes.Load() }

// Copy writes the file as it stands to path, synced. Without a file it does nothing.
func (s *Store) Copy(path string) error {
	s.mu.Lock()
	if s.db == nil {
		s.mu.Unlock()
		return nil
	}
	unlock := sync.OnceFunc(s.mu.Unlock)
	defer unlock()
	return s.db.View(func(tx *bolt.Tx) error {
		unlock() // the file stays open while tx is
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(f)
		return errors.Join(err, f.Sync(), f.Close())
	})
}

// change is a transaction on the letters.
type change struct {
	letters, order *bolt.Bucket
	shareOf        string
	all, share     tally // by how much they grow
}

// change begins one. The caller ends tx.
func (s *Store) change(tx *bolt.Tx) change {
	c := change{letters: tx.Bucket(bucketLetters), order: tx.Bucket(bucketOrder), shareOf: s.o.ShareOf}
	c.letters.FillPercent, c.order.FillPercent = 0.9, 0.9
	return c
}

// count takes n rows of one size under k into account, or gives them back.
func (c *change) count(k []byte, n, size int) {
	t := tally{int64(n), int64(n * size)}
	c.all.add(t)
	if c.shareOf != "" && isOf(k, c.shareOf) {
		c.share.add(t)
	}
}

// get gives the row under k. One that is damaged counts as absent.
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
	// bbolt copies keys, not values, and k may be a page of another file.
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

// number gives the next one.
func (c *change) number() (uint64, error) {
	n := c.order.Sequence()
	return n, c.order.SetSequence(n + 1)
}

// update runs fn in a synced transaction. What fn returns is returned as it is,
// and nothing has changed then. The caller holds s.mu.
func (s *Store) update(fn func(c *change) error) error {
	if err := s.ready(); err != nil {
		return err
	}
	var c change
	var refused error
	run := func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			c = s.change(tx)
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
		s.unsure = true
		return fmt.Errorf("write dead letters: %w", err)
	}
	s.rows.Add(c.all.rows)
	s.bytes.Add(c.all.bytes)
	s.share.add(c.share)
	return nil
}

// ready has a file that can be written. After a write that failed it is a new
// one: what the disk did not confirm it may have dropped, though it still reads
// well. The caller holds s.mu.
func (s *Store) ready() error {
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
	if !s.unsure {
		return nil
	}
	err := s.rewrite(same)
	switch {
	case isDamaged(err):
		_ = s.close()
		found, verr := s.verify()
		if verr != nil && !isDamaged(verr) {
			return verr
		}
		return s.repair(err, verr == nil && found.flawed())
	case disk.NoSpace(err):
		return nil // the next letter may still fit into the old file
	}
	return err
}
