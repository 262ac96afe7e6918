package dead

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/age"
)

// plainFiles implements Files with bbolt alone, turning its panics into errors.
type plainFiles struct {
	readOnly bool
	opened   func(DB) DB // may be nil
	openErr  error
}

func (f *plainFiles) Open(path string) (DB, error) {
	if f.openErr != nil {
		return nil, f.openErr
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, NoFreelistSync: true, ReadOnly: f.readOnly, Timeout: time.Second, OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		return os.OpenFile(name, flag&^os.O_CREATE, mode)
	}})
	if err != nil {
		return nil, err
	}
	if f.opened != nil {
		return f.opened(db), nil
	}
	return db, nil
}

func (f *plainFiles) Walk(path string, buckets [][]byte, visit func() func(bucket string, k, v []byte) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v: %w", p, seal.ErrDamaged)
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("%w: %w", err, seal.ErrDamaged)
	}
	defer db.Close()
	fn := visit()
	return db.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			b := tx.Bucket(name)
			if b == nil {
				return fmt.Errorf("no bucket: %w", seal.ErrDamaged)
			}
			if err := b.ForEach(func(k, v []byte) error { return fn(string(name), k, v) }); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *plainFiles) KeepCopy(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".bad", b, 0o600)
}

type noCodec struct{}

func (noCodec) Compress(dst, raw []byte) ([]byte, byte) { return append(dst, raw...), 0 }

func (noCodec) Decompress(codec byte, b []byte, rawLen int) ([]byte, error) {
	if codec != 0 || len(b) != rawLen {
		return nil, fmt.Errorf("length: %w", seal.ErrDamaged)
	}
	return b, nil
}

func ringOf(t testing.TB, key byte, old ...byte) *seal.Ring {
	t.Helper()
	var first []byte
	if key != 0 {
		first = bytes.Repeat([]byte{key}, 32)
	}
	var others [][]byte
	for _, k := range old {
		others = append(others, bytes.Repeat([]byte{k}, 32))
	}
	keys, err := seal.NewKeys(first, others...)
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(keys)
}

// world is a dead.db and the state of its owner.
type world struct {
	t       *testing.T
	path    string
	o       Options
	gens    map[string]uint64
	repairs []Repair
	ran     time.Duration
	*Store
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "dead.db"), gens: map[string]uint64{}}
	w.o = Options{
		Ring: ringOf(t, 0), Codec: noCodec{}, Files: &plainFiles{}, MaxSize: 1 << 20, First: 1 << 32, NoSync: true,
		Stamp:  func() age.Stamp { w.ran++; return age.Stamp{Ran: w.ran} },
		Header: []byte("format 2"), Format: func(b []byte) error {
			switch string(b) {
			case "format 2":
				return nil
			case "format 3":
				return errors.New("too new")
			}
			return fmt.Errorf("header: %w", seal.ErrDamaged)
		},
		Committed: func(lane string) (uint64, bool) { g, ok := w.gens[lane]; return g, ok },
		Repaired:  func(r Repair) { w.repairs = append(w.repairs, r) },
	}
	for _, fn := range change {
		fn(&w.o)
	}
	w.open()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := Open(w.path, w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Store = s
}

// again closes and reopens the file.
func (w *world) again() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func letter(seq int, words string) queue.DeadLetter {
	return queue.DeadLetter{
		Seq: queue.Seq(seq), MessageID: fmt.Sprint("m-", seq), Reason: "rejected", DeadAt: time.UnixMilli(int64(seq) * 1000).UTC(),
		Lanes: []string{"a", "b"}, Body: []byte(words),
	}
}

// put stores and commits letters of the given records.
func (w *world) put(lane string, gen uint64, seqs ...int) {
	w.t.Helper()
	var ls []queue.DeadLetter
	for _, n := range seqs {
		ls = append(ls, letter(n, fmt.Sprint("body of ", n)))
	}
	if _, err := w.Put(lane, gen, ls); err != nil {
		w.t.Fatal(err)
	}
	w.gens[lane] = gen
	w.Commit(lane)
}

func (w *world) all() []queue.DeadLetter {
	w.t.Helper()
	all, err := w.List(0, 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// want compares the message ids, in order, and the count of Stats.
func (w *world) want(stats int64, ids ...string) {
	w.t.Helper()
	var got []string
	for _, d := range w.all() {
		got = append(got, d.MessageID)
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		w.t.Errorf("letters are %q, want %q", got, ids)
	}
	if n, _ := w.Stats(); n != stats {
		w.t.Errorf("%d letters counted, want %d", n, stats)
	}
}

// flaky fails while fail is set.
type flaky struct {
	DB
	fail *error // of Update
	late bool   // after it has committed
}

func (f *flaky) Update(fn func(*bolt.Tx) error) error {
	if *f.fail == nil {
		return f.DB.Update(fn)
	}
	if f.late {
		if err := f.DB.Update(fn); err != nil {
			return err
		}
	}
	err := *f.fail
	*f.fail = nil
	return err
}

var errNoSpace = &os.PathError{Op: "write", Err: syscall.ENOSPC}
