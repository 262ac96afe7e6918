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

// Options tune a Store.
type Options struct {
	Dir    string
	Ring   *seal.Ring
	Secret func() []byte // gives the secret of the id hashes, 32 bytes, to a file that has none
	Full   func() bool   // frees the reserve; true: try again; may be nil
	// Damaged says that rows were damaged when the file was written anew while it was
	// open: they are not in it (Lost). It must not wait; may be nil.
	Damaged  func(rows int)
	ReadOnly bool
	NoSync   bool
}

func (o *Options) path() string { return filepath.Join(o.Dir, Name) }

// Store is an open meta.db. Its methods may be called from any goroutine.
type Store struct {
	o      Options
	unsure bool // a write failed: what is in the file may not be on the disk; run's own

	mu     sync.Mutex   // never held while the disk is waited for
	db     *boltdb.File // nil when it could not be opened again; run tries
	ops    []*op
	wake   chan struct{}
	closed bool
	done   chan struct{}

	// What the file holds, under mu.
	keys       []uint32
	notes      map[string][]byte
	voids      []Void
	voidsSaved int
	sealed     map[uint64]int64
	lost       int // rows that were damaged when the file was written anew, and are not in it
}

// op is what run does for who waits: a part of a transaction, or a step of its own.
type op struct {
	fn    func(tx *bolt.Tx) error
	alone func() error
	done  chan error
}

// Create makes a file. With others there are files in the directory already.
func Create(o Options, others bool) error {
	return write(&o, &Content{Secret: o.Secret()}, newInfo(o.Ring, others))
}

// Open opens the file, which it has read without trusting it before, and gives what
// is in it. seal.ErrDamaged: it is of no use. The key in force is on its list then.
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

// recordKey puts the key in force on the list. The file, which c was read from, is
// written anew with it: a row that is only replaced would linger in a free page as
// it was.
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

// replace writes what c holds to a new file.
func (s *Store) replace(c *Content, info Info) error {
	s.mu.Lock()
	db := s.db
	s.db = nil
	s.mu.Unlock()
	boltdb.Close(&db) // there are systems where an open file cannot be replaced
	err := write(&s.o, c, info)
	return errors.Join(err, s.reopen())
}

// run commits updates until close.
func (s *Store) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		ops, closed := s.ops, s.closed
		s.ops = nil
		s.mu.Unlock()
		parts := slices.DeleteFunc(slices.Clone(ops), func(o *op) bool { return o.fn == nil })
		if len(parts) > 0 {
			err := s.try(func() error { return s.commit(parts) })
			for _, o := range parts {
				o.done <- err
			}
		}
		for _, o := range ops {
			if o.alone != nil {
				o.done <- s.try(o.alone)
			}
		}
		if closed {
			return
		}
	}
}

// try runs fn, once more when it found no room and the reserve could be freed.
func (s *Store) try(fn func() error) error {
	err := fn()
	if err != nil && disk.NoSpace(err) && s.o.Full() {
		err = fn()
	}
	return err
}

// reseal writes the file anew with the key in force; run calls it.
func (s *Store) reseal(ids, was []uint32) error {
	if err := s.renew(); err != nil {
		return err
	}
	c, info, err := s.all()
	if err != nil {
		return err
	}
	if !slices.Equal(info.Keys, was) {
		return fmt.Errorf("other keys came meanwhile: %x", info.Keys)
	}
	info.Keys = ids
	return s.replace(&c, info)
}

// all gives everything that the file holds, and in the place of damaged rows, which
// it says, what is in memory of notes and void ranges.
func (s *Store) all() (c Content, info Info, err error) {
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

// Lost is how many rows were damaged when the file was written anew since Restored:
// those of lanes are not in it. The caller, who knows them, stores them.
func (s *Store) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Restored says that the caller has stored all lanes since Lost gave n.
func (s *Store) Restored(n int) {
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
	s.unsure = err != nil && !disk.NoSpace(err)
	return err
}

// renew puts meta.db on a firm footing after a write that failed: what it holds
// is written to a new file. The old one is not written on: what the disk did
// not confirm it may have dropped, though it still reads well.
func (s *Store) renew() error {
	if s.db == nil {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	if !s.unsure {
		return nil
	}
	c, info, err := s.all()
	if err != nil {
		return err
	}
	if err := s.replace(&c, info); err != nil {
		return err
	}
	s.unsure = false
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

// Snapshot is the file as it stood at one moment.
type Snapshot struct{ tx *bolt.Tx }

// Begin gives the file as it stands at this moment, also while it is written anew.
// The caller writes it.
func (s *Store) Begin() (*Snapshot, error) {
	var tx *bolt.Tx
	err := s.do(&op{done: make(chan error, 1), alone: func() (err error) {
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
	return s.do(&op{fn: fn, done: make(chan error, 1)})
}

// do has run do o.
func (s *Store) do(o *op) error {
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

// Close commits what waits and closes the file. It may be called again.
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

// SaveLane stores a lane, and what changed of what it settled.
func (s *Store) SaveLane(name string, r Lane, put []*settled.Block, gone []uint64) error {
	return s.update(func(tx *bolt.Tx) error { return putLane(tx, s.o.Ring, name, r, put, gone) })
}
