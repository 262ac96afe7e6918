package local

import (
	"errors"
	"os"
	"runtime/debug"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"relay/queue/local/internal/step"
)

// boltFile is an open bbolt file. When bbolt panics as a transaction begins, or
// as a writing one is rolled back, because the file has changed under it, its
// locks stay held: whatever is asked of it then, closing it too, would wait for
// ever. Such a file is of no use any more. It is not asked again, nor closed:
// its descriptor is lost to this process.
type boltFile struct {
	*bolt.DB
	wedged atomic.Bool
}

func openBolt(path string, mode os.FileMode, o *bolt.Options) (*boltFile, error) {
	var db *bolt.DB
	err := guard(func() (err error) {
		db, err = bolt.Open(path, mode, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &boltFile{DB: db}, nil
}

// View is bolt.DB's, with what goes wrong in it as an error (guard).
func (f *boltFile) View(fn func(*bolt.Tx) error) error {
	began := false
	return f.run(func() error {
		return f.DB.View(func(tx *bolt.Tx) error {
			began = true
			return fn(tx)
		})
	}, func() bool { return !began })
}

// Update is bolt.DB's, with what goes wrong in it as an error (guard).
func (f *boltFile) Update(fn func(*bolt.Tx) error) error {
	kind := step.Commit
	if f.NoSync {
		kind = step.Write
	}
	defer step.Begin(kind, f.Path())()
	return f.run(func() error { return f.DB.Update(fn) }, func() bool { return true })
}

// Sync is bolt.DB's: what was committed without one is on the disk then.
func (f *boltFile) Sync() error {
	defer step.Begin(step.Sync, f.Path())()
	return f.DB.Sync()
}

// run runs fn; wedges says whether a panic in it leaves locks behind.
func (f *boltFile) run(fn func() error, wedges func() bool) error {
	if f.wedged.Load() {
		return damaged("the file changed while it was open")
	}
	err := guard(fn)
	if errors.As(err, new(*panicError)) && wedges() {
		f.wedged.Store(true)
	}
	return err
}

// Close closes the file, unless that would never end.
func (f *boltFile) Close() error {
	if f.wedged.Load() {
		return nil
	}
	return f.DB.Close()
}

func closeDB(f **boltFile) {
	if *f != nil {
		_ = (*f).Close() // nothing is unwritten: every commit was synced or given up
		*f = nil
	}
}

// panicError is what a panic in bbolt became.
type panicError struct{ error }

func (e *panicError) Unwrap() error { return e.error }

// guard runs fn, in which bbolt reads a file through memory: what goes wrong
// there (an unreadable page is a fault, a broken one a panic) is an error here.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{damaged("%v", r)}
		}
	}()
	return fn()
}
