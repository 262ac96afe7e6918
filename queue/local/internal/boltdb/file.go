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

// View is bolt.DB's, with what goes wrong in it as an error (Guard).
func (f *File) View(fn func(*bolt.Tx) error) error {
	began := false
	return f.run(func() error {
		return f.DB.View(func(tx *bolt.Tx) error {
			began = true
			return fn(tx)
		})
	}, func() bool { return !began })
}

// Update is bolt.DB's, with what goes wrong in it as an error (Guard).
func (f *File) Update(fn func(*bolt.Tx) error) error {
	kind := step.Commit
	if f.NoSync {
		kind = step.Write
	}
	defer step.Begin(kind, f.Path())()
	return f.run(func() error { return f.DB.Update(fn) }, func() bool { return true })
}

// Sync is bolt.DB's: what was committed without one is on the disk then.
func (f *File) Sync() error {
	defer step.Begin(step.Sync, f.Path())()
	return f.DB.Sync()
}

// run runs fn; wedges says whether a panic in it leaves locks behind.
func (f *File) run(fn func() error, wedges func() bool) error {
	if f.wedged.Load() {
		return format.Damaged("the file changed while it was open")
	}
	err := Guard(fn)
	if errors.As(err, new(*panicError)) && wedges() {
		f.wedged.Store(true)
	}
	return err
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

// BeginRead begins a transaction for reading, which the caller ends.
func (f *File) BeginRead() (tx *bolt.Tx, err error) {
	err = f.run(func() error {
		tx, err = f.DB.Begin(false)
		return err
	}, func() bool { return true })
	return tx, err
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

// panicError is what a panic in bbolt became.
type panicError struct{ error }

func (e *panicError) Unwrap() error { return e.error }

// Guard runs fn, in which bbolt reads a file through memory: what goes wrong
// there (an unreadable page is a fault, a broken one a panic) is an error here.
func Guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{format.Damaged("%v", r)}
		}
	}()
	return fn()
}
