// Package boltdb opens and reads bbolt files. What goes wrong in bbolt (a page that
// the disk does not give is a fault, a broken one a panic) is an error here.
//
// # What can hurt you
//
// bbolt believes its file: one that this process has not written is read by Read,
// page by page, before it is opened. A file in which bbolt panicked with its locks
// held is lost to this process, with its descriptor.
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

// File is an open bbolt file. When bbolt panics as a transaction begins, or
// as a writing one is rolled back, because the file has changed under it, its
// locks stay held: whatever is asked of it then, closing it too, would wait for
// ever. Such a file is of no use any more. It is not asked again, nor closed:
// its descriptor is lost to this process.
type File struct {
	*bolt.DB
	wedged atomic.Bool
}

// Options are those of files that are written. The free list is not written: nothing that
// was not read before it is trusted decides which pages are written over.
func Options(noSync bool) *bolt.Options {
	return &bolt.Options{NoSync: noSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true, Timeout: time.Second}
}

// Open opens the file at path, or makes it.
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

// View runs fn in a transaction for reading, with what goes wrong in it as an error (Guard).
func (f *File) View(fn func(*bolt.Tx) error) (err error) {
	if f.wedged.Load() {
		return errWedged()
	}
	began := false
	defer f.recovered(debug.SetPanicOnFault(true), &began, &err)
	tx, err := f.DB.Begin(false)
	if err != nil {
		return err
	}
	began = true
	defer func() { _ = tx.Rollback() }() // it was for reading
	return fn(tx)
}

// Update is bolt.DB's, with what goes wrong in it as an error (Guard).
func (f *File) Update(fn func(*bolt.Tx) error) (err error) {
	if f.wedged.Load() {
		return errWedged()
	}
	kind := step.Commit
	if f.NoSync {
		kind = step.Write
	}
	defer step.Begin(kind, f.Path())()
	defer f.recovered(debug.SetPanicOnFault(true), new(bool), &err)
	return f.DB.Update(fn)
}

// BeginRead begins a transaction for reading, which the caller ends.
func (f *File) BeginRead() (tx *bolt.Tx, err error) {
	if f.wedged.Load() {
		return nil, errWedged()
	}
	defer f.recovered(debug.SetPanicOnFault(true), new(bool), &err)
	return f.DB.Begin(false)
}

func errWedged() error { return format.Damaged("the file changed while it was open") }

// recovered, deferred, is Guard of a transaction; a panic leaves locks behind unless
// let says that they were let go of.
func (f *File) recovered(faults bool, let *bool, err *error) {
	debug.SetPanicOnFault(faults)
	if r := recover(); r != nil {
		*err = format.Damaged("%v", r)
		if !*let {
			f.wedged.Store(true)
		}
	}
}

// Sync is bolt.DB's: what was committed without one is on the disk then.
func (f *File) Sync() error {
	defer step.Begin(step.Sync, f.Path())()
	return f.DB.Sync()
}

// Close closes the file, unless that would never end.
func (f *File) Close() error {
	if f.wedged.Load() {
		return nil
	}
	return f.DB.Close()
}

// Close closes *f, if it is open, and forgets it.
func Close(f **File) {
	if *f != nil {
		_ = (*f).Close() // nothing is unwritten: every commit was synced or given up
		*f = nil
	}
}

// Size is how much of the file is used.
func (f *File) Size() (n int64, err error) {
	err = f.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

// Make makes a file, or opens it, has fill write it, and syncs it.
func Make(path string, noSync bool, fill func(*bolt.Tx) error) error {
	db, err := Open(path, Options(true))
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

// Copy writes a file as tx sees it to path, which must not exist, synced, and ends tx.
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

// Guard runs fn, in which bbolt reads a file through memory: what goes wrong
// there (an unreadable page is a fault, a broken one a panic) is an error here.
func Guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = format.Damaged("%v", r)
		}
	}()
	return fn()
}
