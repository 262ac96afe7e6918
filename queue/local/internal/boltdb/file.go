// Package boltdb opens and reads bbolt files. It turns what goes wrong inside bbolt
// into errors: an unreadable page raises a memory fault there, a damaged one a panic.
//
// # What can hurt you
//
// bbolt trusts its file. A file that this process has not written must be checked page
// by page with Read before Open. A file in which bbolt panicked while it held its locks
// is unusable until the process ends, and its descriptor leaks.
package boltdb

import (
	"errors"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/queue/internal/format"
	"relay/queue/local/internal/step"
)

// File is an open bbolt file. If the file changes while it is open, bbolt can panic as
// a transaction begins or as a write transaction is rolled back. Its locks stay held
// then, and every further call, Close included, would block forever. Such a file is
// wedged: all methods return an error without calling bbolt, and the descriptor leaks.
type File struct {
	*bolt.DB
	wedged atomic.Bool
}

// WriteOptions are the options for files that are written. The free list is not stored:
// only pages that were read and checked decide which pages are overwritten.
func WriteOptions(noSync bool) *bolt.Options {
	return &bolt.Options{NoSync: noSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true, Timeout: time.Second}
}

// Open opens the file at path, or creates it.
func Open(path string, o *bolt.Options) (*File, error) {
	var db *bolt.DB
	err := Guard(func() (err error) {
		db, err = bolt.Open(path, 0o600, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &File{DB: db}, nil
}

// View runs fn in a read transaction. Panics and memory faults become errors (Guard).
func (f *File) View(fn func(*bolt.Tx) error) (err error) {
	if f.wedged.Load() {
		return errWedged()
	}
	began := false
	defer f.recoverTx(debug.SetPanicOnFault(true), &began, &err)
	tx, err := f.DB.Begin(false)
	if err != nil {
		return err
	}
	began = true
	defer func() { _ = tx.Rollback() }() // a read transaction has nothing to undo
	return fn(tx)
}

// Update is bolt.DB.Update. Panics and memory faults become errors (Guard).
func (f *File) Update(fn func(*bolt.Tx) error) (err error) {
	if f.wedged.Load() {
		return errWedged()
	}
	kind := step.Commit
	if f.NoSync {
		kind = step.Write
	}
	defer step.Begin(kind, f.Path())()
	defer f.recoverTx(debug.SetPanicOnFault(true), new(bool), &err)
	return f.DB.Update(fn)
}

// BeginRead begins a read transaction, which the caller ends.
func (f *File) BeginRead() (tx *bolt.Tx, err error) {
	if f.wedged.Load() {
		return nil, errWedged()
	}
	defer f.recoverTx(debug.SetPanicOnFault(true), new(bool), &err)
	return f.DB.Begin(false)
}

func errWedged() error { return format.Damaged("file changed while it was open") }

// recoverTx is deferred and does for a transaction what Guard does for a function. A
// panic wedges the file unless *unlocked, that is, bbolt has released its locks.
func (f *File) recoverTx(faults bool, unlocked *bool, err *error) {
	debug.SetPanicOnFault(faults)
	if r := recover(); r != nil {
		*err = format.Damaged("%v", r)
		if !*unlocked {
			f.wedged.Store(true)
		}
	}
}

// Sync syncs the file: all commits so far survive a power cut.
func (f *File) Sync() error {
	defer step.Begin(step.Sync, f.Path())()
	return f.DB.Sync()
}

// Close closes the file. It leaks a wedged one, since closing it would block forever.
func (f *File) Close() error {
	if f.wedged.Load() {
		return nil
	}
	return f.DB.Close()
}

// Close closes *f if it is not nil, and sets it to nil.
func Close(f **File) {
	if *f != nil {
		_ = (*f).Close() // no write is lost: every commit was synced or abandoned
		*f = nil
	}
}

// Size returns the used size of the file in bytes.
func (f *File) Size() (n int64, err error) {
	err = f.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

// Create creates or opens the file at path, writes it with fill, and syncs it unless noSync.
func Create(path string, noSync bool, fill func(*bolt.Tx) error) error {
	db, err := Open(path, WriteOptions(true))
	if err != nil {
		return err
	}
	err = db.Update(fill)
	if err == nil && !noSync {
		err = db.Sync()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return err
}

// Copy writes the file as tx sees it to path, which must not exist, syncs it, and ends tx.
func Copy(path string, tx *bolt.Tx) error {
	err := Guard(func() error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(f)
		return errors.Join(err, f.Sync(), f.Close())
	})
	return errors.Join(err, tx.Rollback())
}

// Guard runs fn, in which bbolt reads a file through memory. It returns memory faults
// (unreadable pages) and panics (damaged pages) as errors.
func Guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = format.Damaged("%v", r)
		}
	}()
	return fn()
}
