package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local/internal/settled"
)

// metaStore is meta.db. Updates that come while one is being synced share the
// next transaction. Every value carries a checksum: one that is damaged counts
// as absent, which costs duplicates, never events.
type metaStore struct {
	ring   *seal.Ring
	dir    string
	noSync bool
	full   func() bool // frees the reserve; true: try again
	unsure bool        // a write failed: what is in the file may not be on the disk; run's own

	mu     sync.Mutex
	db     *boltFile // nil when it could not be opened again; run tries
	ops    []*metaOp
	wake   chan struct{}
	closed bool
	done   chan struct{}
}

type metaOp struct {
	fn   func(tx *bolt.Tx) error
	done chan error
}

func openMeta(dir string, ring *seal.Ring, readOnly, noSync bool) (*metaStore, error) {
	db, err := openMetaDB(dir, readOnly, noSync)
	if err != nil {
		return nil, err
	}
	return &metaStore{
		ring: ring, dir: dir, noSync: noSync, db: db,
		wake: make(chan struct{}, 1), done: make(chan struct{}), full: func() bool { return false },
	}, nil
}

func openMetaDB(dir string, readOnly, noSync bool) (db *boltFile, err error) {
	o := metaOptions(noSync)
	o.ReadOnly = readOnly
	if db, err = openBolt(filepath.Join(dir, metaName), 0o600, o); err != nil {
		return nil, fmt.Errorf("open meta.db: %w", err)
	}
	return db, nil
}

// run commits updates until close.
func (m *metaStore) run() {
	defer close(m.done)
	for range m.wake {
		m.mu.Lock()
		ops, closed := m.ops, m.closed
		m.ops = nil
		m.mu.Unlock()
		if len(ops) > 0 {
			err := m.commit(ops)
			if err != nil && disk.NoSpace(err) && m.full() {
				err = m.commit(ops)
			}
			for _, o := range ops {
				o.done <- err
			}
		}
		if closed {
			return
		}
	}
}

func (m *metaStore) commit(ops []*metaOp) error {
	if err := m.renew(); err != nil {
		return err
	}
	err := m.db.Update(func(tx *bolt.Tx) error {
		for _, o := range ops {
			if err := o.fn(tx); err != nil {
				return err
			}
		}
		return nil
	})
	m.unsure = err != nil && !disk.NoSpace(err)
	return err
}

// renew puts meta.db on a firm footing after a write that failed: what it holds
// is written to a new file. The old one is not written on: what the disk did
// not confirm it may have dropped, though it still reads well.
func (m *metaStore) renew() error {
	if m.db == nil {
		if err := m.reopen(); err != nil {
			return err
		}
	}
	if !m.unsure {
		return nil
	}
	var info metaInfo
	c, err := m.load()
	if err == nil {
		err = m.db.View(func(tx *bolt.Tx) error { return json.Unmarshal(tx.Bucket(bucketDir).Get(keyInfo), &info) })
	}
	if err != nil {
		return fmt.Errorf("read meta.db: %w", err)
	}
	m.mu.Lock()
	closeDB(&m.db) // there are systems where an open file cannot be replaced
	m.mu.Unlock()
	err = writeMeta(m.dir, m.ring, c, info, m.noSync)
	if oerr := m.reopen(); err != nil || oerr != nil {
		return errors.Join(err, oerr)
	}
	m.unsure = false
	return nil
}

func (m *metaStore) reopen() error {
	db, err := openMetaDB(m.dir, false, m.noSync)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.db = db
	m.mu.Unlock()
	return nil
}

// begin gives meta.db as it stands at this moment. The caller ends the transaction.
func (m *metaStore) begin() (tx *bolt.Tx, err error) {
	m.mu.Lock()
	db := m.db
	m.mu.Unlock()
	if db == nil {
		return nil, ErrUnavailable
	}
	err = db.run(func() error {
		tx, err = db.Begin(false)
		return err
	}, func() bool { return true })
	return tx, err
}

// update runs fn in a transaction and returns once it is synced.
func (m *metaStore) update(fn func(tx *bolt.Tx) error) error {
	o := &metaOp{fn: fn, done: make(chan error, 1)}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	m.ops = append(m.ops, o)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	m.mu.Unlock()
	if err := <-o.done; err != nil {
		return fmt.Errorf("update meta.db: %w", err)
	}
	return nil
}

// close commits what waits and closes the file. Only after run was started.
func (m *metaStore) close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
	m.mu.Unlock()
	<-m.done
	if m.db == nil {
		return nil
	}
	return m.db.Close()
}

func (m *metaStore) saveLane(name string, r laneRow, put []*settled.Block, gone []uint64) error {
	return m.update(func(tx *bolt.Tx) error { return putLane(tx, m.ring, name, r, put, gone) })
}
