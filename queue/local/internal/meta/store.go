package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/settled"
)

// Options configure a Store.
type Options struct {
	Dir    string
	Ring   *seal.Ring
	Secret func() []byte // returns the secret of the id hashes, 32 bytes, for a file that has none
	Full   func() bool   // frees space on a full volume; true: try again; can be nil
	// Damaged is called when damaged rows were found while the open file was rewritten.
	// They are missing in the new file (LostRows). It must not block; it can be nil.
	Damaged  func(rows int)
	ReadOnly bool
	NoSync   bool
}

func (o *Options) path() string { return filepath.Join(o.Dir, Name) }

// Store is an open meta.db. Its methods can be called from any goroutine.
type Store struct {
	o       Options
	suspect bool // a write failed: the disk can have dropped data that still reads correctly; only run uses it

	mu     sync.Mutex   // never held while waiting for the disk
	db     *boltdb.File // nil if it could not be reopened; run tries again
	ops    []*op
	wake   chan struct{}
	closed bool
	done   chan struct{}

	// The contents of the file, under mu.
	keys       []uint32
	notes      map[string][]byte
	voids      []Void
	voidsSaved int
	sealed     map[uint64]int64
	lost       int // rows that were damaged when the file was rewritten, and are missing in it
}

// op is work for run: a part of the next transaction (fn), or something else (alone).
type op struct {
	fn    func(tx *bolt.Tx) error
	alone func() error
	done  chan error
}

// Create creates a file. With others the directory contains other files already.
func Create(o Options, others bool) error {
	return write(&o, &Content{Secret: o.Secret()}, newInfo(o.Ring, others))
}

// Open checks and opens the file, adds the current key to its list, and returns its
// contents. On seal.ErrDamaged the file is unusable.
func Open(o Options) (*Store, Content, error) {
	info, err := Check(o.path())
	if err != nil {
		return nil, Content{}, err
	}
	if o.Full == nil {
		o.Full = func() bool { return false }
	}
	if o.Damaged == nil {
		o.Damaged = func(int) {}
	}
	s := &Store{o: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if s.db, err = s.open(); err != nil {
		return nil, Content{}, err
	}
	c, err := s.load()
	if err == nil {
		if len(c.Secret) != 32 {
			c.Secret = o.Secret()
		}
		err = s.recordKey(&c, &info)
	}
	if err != nil {
		boltdb.Close(&s.db)
		return nil, Content{}, err
	}
	s.keys, s.notes, s.voids, s.voidsSaved, s.sealed = info.Keys, c.notes, c.voids, len(c.voids), c.sealed
	go s.run() // ends with Close
	return s, c, nil
}

func (s *Store) open() (*boltdb.File, error) {
	o := boltdb.WriteOptions(s.o.NoSync)
	o.ReadOnly = s.o.ReadOnly
	db, err := boltdb.Open(s.o.path(), o)
	if err != nil {
		return nil, fmt.Errorf("open meta.db: %w", err)
	}
	return db, nil
}

// recordKey adds the current key to the list. The file, whose contents are c, is rewritten:
// a replaced row would stay readable in a free page.
func (s *Store) recordKey(c *Content, info *Info) error {
	cur := s.o.Ring.Keys().Current()
	if cur == 0 || s.o.ReadOnly || slices.Contains(info.Keys, cur) {
		return nil
	}
	if len(info.Keys) == 0 {
		info.Keys = []uint32{0}
	}
	info.Keys = append(info.Keys, cur)
	return s.replace(c, *info)
}

// replace replaces the file with a new one with the contents c.
func (s *Store) replace(c *Content, info Info) error {
	s.mu.Lock()
	db := s.db
	s.db = nil
	s.mu.Unlock()
	boltdb.Close(&db) // on some systems an open file cannot be replaced
	err := write(&s.o, c, info)
	return errors.Join(err, s.reopen())
}

// run does all work on the file until Close.
func (s *Store) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		ops, closed := s.ops, s.closed
		s.ops = nil
		s.mu.Unlock()
		parts := slices.DeleteFunc(slices.Clone(ops), func(o *op) bool { return o.fn == nil })
		if len(parts) > 0 {
			err := s.withReserve(func() error { return s.commit(parts) })
			for _, o := range parts {
				o.done <- err
			}
		}
		for _, o := range ops {
			if o.alone != nil {
				o.done <- s.withReserve(o.alone)
			}
		}
		if closed {
			return
		}
	}
}

// withReserve runs fn, and again if the volume was full and the reserve could be freed.
func (s *Store) withReserve(fn func() error) error {
	err := fn()
	if err != nil && disk.NoSpace(err) && s.o.Full() {
		err = fn()
	}
	return err
}

// reseal rewrites the file with the current key. Only run calls it.
func (s *Store) reseal(ids, was []uint32) error {
	if err := s.renew(); err != nil {
		return err
	}
	c, info, err := s.current()
	if err != nil {
		return err
	}
	if !slices.Equal(info.Keys, was) {
		return fmt.Errorf("other keys came meanwhile: %x", info.Keys)
	}
	info.Keys = ids
	return s.replace(&c, info)
}

// current returns the contents of the file. It replaces damaged notes and void ranges with
// those in memory, and counts damaged rows (LostRows).
func (s *Store) current() (c Content, info Info, err error) {
	c, err = s.load()
	if err == nil {
		err = s.db.View(func(tx *bolt.Tx) error { return json.Unmarshal(tx.Bucket(bucketDir).Get(keyInfo), &info) })
	}
	if err != nil {
		return c, info, fmt.Errorf("read meta.db: %w", err)
	}
	if c.Bad == 0 {
		return c, info, nil
	}
	s.mu.Lock()
	s.lost += c.Bad
	for k, val := range s.notes {
		if _, ok := c.notes[k]; !ok {
			c.notes[k] = val
		}
	}
	for _, v := range s.voids[:s.voidsSaved] {
		if !slices.Contains(c.voids, v) {
			c.voids = append(c.voids, v)
		}
	}
	s.mu.Unlock()
	s.o.Damaged(c.Bad)
	return c, info, nil
}

// LostRows returns how many rows were damaged when the file was rewritten, less those given
// to RestoredRows. Those of lanes are missing in the file: the caller saves all lanes again.
func (s *Store) LostRows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// RestoredRows is called when all lanes were saved after LostRows returned n.
func (s *Store) RestoredRows(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost -= n
}

func (s *Store) commit(ops []*op) error {
	if err := s.renew(); err != nil {
		return err
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		for _, o := range ops {
			if err := o.fn(tx); err != nil {
				return err
			}
		}
		return nil
	})
	s.suspect = err != nil && !disk.NoSpace(err)
	return err
}

// renew opens the file if it is closed, and rewrites it after a failed write: the disk can
// have dropped unconfirmed data that still reads correctly, so nothing more is written to
// the old file.
func (s *Store) renew() error {
	if s.db == nil {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	if !s.suspect {
		return nil
	}
	c, info, err := s.current()
	if err != nil {
		return err
	}
	if err := s.replace(&c, info); err != nil {
		return err
	}
	s.suspect = false
	return nil
}

func (s *Store) reopen() error {
	db, err := s.open()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.db = db
	s.mu.Unlock()
	return nil
}

// Snapshot is the file as of one moment.
type Snapshot struct{ tx *bolt.Tx }

// Begin returns a snapshot of the current file, which stays valid while the file is
// rewritten. The caller calls Write.
func (s *Store) Begin() (*Snapshot, error) {
	var tx *bolt.Tx
	err := s.submit(&op{done: make(chan error, 1), alone: func() (err error) {
		if s.db == nil {
			err = s.reopen()
		}
		if err == nil {
			tx, err = s.db.BeginRead()
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	return &Snapshot{tx}, nil
}

// Write writes the snapshot to path, which must not exist, and ends it.
func (s *Snapshot) Write(path string) error { return boltdb.Copy(path, s.tx) }

// update runs fn in a transaction and returns once it is synced.
func (s *Store) update(fn func(tx *bolt.Tx) error) error {
	return s.submit(&op{fn: fn, done: make(chan error, 1)})
}

// submit passes o to run and waits for it.
func (s *Store) submit(o *op) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return queue.ErrClosed
	}
	s.ops = append(s.ops, o)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	s.mu.Unlock()
	if err := <-o.done; err != nil {
		return fmt.Errorf("meta.db: %w", err)
	}
	return nil
}

// Close commits pending changes and closes the file. It can be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	<-s.done
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// SaveLane stores a lane and the changes to its settled blocks.
func (s *Store) SaveLane(name string, r Lane, put []*settled.Block, gone []uint64) error {
	return s.update(func(tx *bolt.Tx) error { return putLane(tx, s.o.Ring, name, r, put, gone) })
}
