package boltdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/step"
)

var bucket = []byte("b")

// create creates a file with a value under key.
func create(t *testing.T, path, key string) {
	t.Helper()
	if err := Create(path, false, func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte("value"))
	}); err != nil {
		t.Fatal(err)
	}
}

// keys returns the keys of a file, read page by page.
func keys(path string) (keys []string, err error) {
	err = Read(path, func(p *boltscan.File) error {
		return p.Walk(p.Metas()[0], bucket, func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	})
	return keys, err
}

func TestGuard(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		name string
		fn   func() error
		want error
	}{
		{"success", func() error { return nil }, nil},
		{"error", func() error { return refused }, refused},
		{"panic", func() error { panic("page 7 is damaged") }, seal.ErrDamaged},
		{"index out of range", func() error { return fmt.Errorf("%v", []int{}[len(os.Args[:0])]) }, seal.ErrDamaged},
	} {
		if err := Guard(c.fn); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestCreateUpdateRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	create(t, path, "1")
	f, err := Open(path, WriteOptions(false))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte("2"), nil) }); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := f.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.Bucket(bucket).Put([]byte("3"), nil), refused)
	}); !errors.Is(err, refused) {
		t.Errorf("update returned %v, want %v", err, refused)
	}
	size, err := f.Size()
	if fi, serr := os.Stat(path); err != nil || serr != nil || size <= 0 || size > fi.Size() {
		t.Errorf("size %d, %v, %v", size, err, serr)
	}
	Close(&f)
	if Close(&f); f != nil {
		t.Error("Close left a pointer to a closed file")
	}
	if got, err := keys(path); err != nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("keys %q, %v", got, err)
	}
}

// An update is durable only if the file is synced, and its step says so.
func TestUpdateSteps(t *testing.T) {
	for noSync, want := range map[bool]step.Kind{false: step.Commit, true: step.Write} {
		path := filepath.Join(t.TempDir(), "a.db")
		create(t, path, "1")
		f, err := Open(path, WriteOptions(noSync))
		if err != nil {
			t.Fatal(err)
		}
		var got []step.Kind
		stop := step.Watch(func(k step.Kind, p string) func() {
			if p == path {
				got = append(got, k)
			}
			return func() {}
		})
		err = errors.Join(f.Update(func(*bolt.Tx) error { return nil }), f.Sync())
		stop()
		if err := errors.Join(err, f.Close()); err != nil || !slices.Equal(got, []step.Kind{want, step.Sync}) {
			t.Errorf("noSync %v: steps %v, %v", noSync, got, err)
		}
	}
}

// A panic in a callback is an error. bbolt releases its locks after one in View, so that
// the file stays usable.
func TestPanicInView(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	create(t, path, "1")
	f, err := Open(path, WriteOptions(false))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.View(func(*bolt.Tx) error { panic("damaged") }); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("panic: %v, want %v", err, seal.ErrDamaged)
	}
	if err := f.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte("2"), nil) }); err != nil {
		t.Errorf("after the panic: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// A file in which bbolt panicked with its locks held is not called again.
func TestWedgedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	create(t, path, "1")
	f, err := Open(path, WriteOptions(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.DB.Close() })
	func() {
		var err error
		defer func() {
			if !errors.Is(err, seal.ErrDamaged) {
				t.Errorf("recovered %v, want %v", err, seal.ErrDamaged)
			}
		}()
		defer f.recoverTx(false, new(bool), &err)
		panic("locks are held")
	}()
	_, rerr := f.BeginRead()
	for name, err := range map[string]error{
		"View":      f.View(func(*bolt.Tx) error { t.Error("View ran"); return nil }),
		"Update":    f.Update(func(*bolt.Tx) error { t.Error("Update ran"); return nil }),
		"BeginRead": rerr,
	} {
		if !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%s: %v, want %v", name, err, seal.ErrDamaged)
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Copy writes the file as of its transaction, and never over another file.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "a.db"), filepath.Join(dir, "copy.db")
	create(t, path, "1")
	f, err := Open(path, WriteOptions(false))
	if err != nil {
		t.Fatal(err)
	}
	defer Close(&f)
	tx, err := f.BeginRead()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte("2"), nil) }); err != nil {
		t.Fatal(err)
	}
	if err := Copy(to, tx); err != nil {
		t.Fatal(err)
	}
	if got, err := keys(to); err != nil || !slices.Equal(got, []string{"1"}) {
		t.Errorf("the copy has %q, %v", got, err)
	}
	if tx, err = f.BeginRead(); err != nil {
		t.Fatal(err)
	}
	if err := Copy(to, tx); !errors.Is(err, fs.ErrExist) {
		t.Errorf("copy over a file: %v, want %v", err, fs.ErrExist)
	}
}

// Read reports damage as seal.ErrDamaged. Scan also reads a file without meta pages.
func TestReadDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	create(t, path, "1")
	b, err := os.ReadFile(path)
	if err == nil {
		clear(b[:2*os.Getpagesize()])
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	if err := Read(path, func(*boltscan.File) error { ran = true; return nil }); !errors.Is(err, seal.ErrDamaged) || ran {
		t.Errorf("Read: %v, called fn: %v", err, ran)
	}
	var found []string
	if err := Scan(path, func(p *boltscan.File) error {
		return p.Scan(func(k, _ []byte, _ int64) error { found = append(found, string(k)); return nil })
	}); err != nil || !slices.Contains(found, "1") {
		t.Errorf("Scan found %q, %v", found, err)
	}
	if _, err := keys(path + ".missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&os.PathError{Op: "read", Path: "a.db", Err: errors.New("input/output error")}, true},
		{fmt.Errorf("check: %w", &os.PathError{Op: "read", Err: errors.New("input/output error")}), true},
		{fmt.Errorf("check: %w", io.EOF), true},
		{&os.PathError{Op: "open", Err: fs.ErrNotExist}, false},
		{seal.ErrDamaged, false},
	} {
		if got := Unreadable(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
