package dead

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/age"
)

func TestPutTwice(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1<<32|1, 7, 8)
	ids := []string{w.all()[0].ID, w.all()[1].ID}
	w.put("b", 1, 7) // another lane's
	w.put("a", 1<<32|2, 7, 8)
	all := w.all()
	w.want(3, "m-7", "m-8", "m-7")
	if all[0].ID != ids[0] || all[1].ID != ids[1] || ids[0] != "0000000100000000" {
		t.Errorf("ids were %q and are %q, %q", ids, all[0].ID, all[1].ID)
	}
	if d := all[0]; d.Seq != 7 || fmt.Sprint(d.Lanes) != "[a b]" || string(d.Body) != "body of 7" || !d.DeadAt.Equal(time.UnixMilli(7000)) {
		t.Errorf("%+v", d)
	}
	two := letter(7, "another list")
	two.Slot = 1
	if _, err := w.Put("a", 1<<32|3, []queue.DeadLetter{two}); err != nil {
		t.Fatal(err)
	}
	w.Commit("a")
	w.want(4, "m-7", "m-8", "m-7", "m-7")
}

func TestUncommitted(t *testing.T) {
	const gen = 5<<32 | 10
	for _, c := range []struct {
		name string
		do   func(w *world)
		want string
	}{
		{"crash before the lane's row", func(w *world) {}, "[m-1]"},
		{"crash after the lane's row", func(w *world) { w.gens["a"] = gen + 1 }, "[m-1 m-2 m-3]"},
		{"lane's row lost", func(w *world) { delete(w.gens, "a") }, "[m-1 m-2 m-3]"},
		{"lane's row lost, lane started over", func(w *world) { w.gens["a"] = 77<<32 | 1 }, "[m-1 m-2 m-3]"},
		{"older row of the lane, from a backup", func(w *world) { w.gens["a"] = gen - 1 }, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.put("a", gen, 1)
			if _, err := w.Put("a", gen+1, []queue.DeadLetter{letter(2, "x"), letter(3, "y")}); err != nil {
				t.Fatal(err)
			}
			w.want(3, "m-1")
			number, _ := ParseID("0000000100000001")
			if _, err := w.Get(number); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("hidden letter: %v", err)
			}
			if n, err := w.Remove([]uint64{number}); n != 0 || err != nil {
				t.Errorf("removed %d hidden letters, %v", n, err)
			}
			c.do(w)
			for range 2 {
				w.again()
				var got []string
				for _, d := range w.all() {
					got = append(got, d.MessageID)
				}
				if fmt.Sprint(got) != c.want {
					t.Errorf("letters %q, want %s", got, c.want)
				}
				if n, _ := w.Stats(); int(n) != len(got) {
					t.Errorf("%d counted, %d there", n, len(got))
				}
			}
		})
	}
}

// A settlement that is repeated under the same number replaces the uncommitted letters of the
// first. Letters that were valid before stay, whichever commits.
func TestUncommittedIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1)
	for _, ls := range [][]queue.DeadLetter{{letter(1, "again"), letter(2, "x")}, {letter(1, "again"), letter(3, "y")}} {
		if _, err := w.Put("a", 2, ls); err != nil {
			t.Fatal(err)
		}
	}
	w.want(2, "m-1")
	w.again() // 2 did not commit
	w.want(1, "m-1")
	w.put("a", 2, 2)
	w.want(2, "m-1", "m-2")
}

func TestFull(t *testing.T) {
	size := func(o *Options) { o.MaxSize = 3000 }
	w := newWorld(t, size)
	w.put("a", 1, 1, 2)
	big := letter(3, strings.Repeat("x", 2500))
	if _, err := w.Put("a", 2, []queue.DeadLetter{big}); !errors.Is(err, queue.ErrDeadFull) {
		t.Fatalf("full file: %v", err)
	}
	w.want(2, "m-1", "m-2")
	if n, err := w.Remove([]uint64{1 << 32, 1<<32 + 1, 5}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	w.put("a", 2, 3)
	w.want(1, "m-3")

	w = newWorld(t, size, func(o *Options) { o.DropOldest = true })
	w.put("a", 1, 1, 2, 3)
	w.put("a", 2, 4)
	if n, err := w.Put("a", 3, []queue.DeadLetter{big}); n != 4-1 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	w.Commit("a")
	w.want(1, "m-3")
}

// The letters of Options.ShareOf are limited to a quarter of the space, whatever the others
// use, and displace no others.
func TestShare(t *testing.T) {
	share := func(o *Options) { o.MaxSize, o.ShareOf = 12_000, "c" }
	big := func(seq int) []queue.DeadLetter { return []queue.DeadLetter{letter(seq, strings.Repeat("x", 1000))} }
	for _, again := range []func(w *world){
		func(*world) {},
		(*world).again,
		func(w *world) { _ = w.Compact() },
	} {
		w := newWorld(t, share)
		w.put("a", 1, 1, 2)
		for i := range 2 {
			if _, err := w.Put("c", uint64(i+1), big(10+i)); err != nil {
				t.Fatal(err)
			}
			w.Commit("c")
			w.gens["c"] = uint64(i + 1)
		}
		again(w)
		if _, err := w.Put("c", 3, big(12)); !errors.Is(err, queue.ErrDeadFull) {
			t.Fatalf("more than a quarter: %v", err)
		}
		w.put("a", 2, 3)
		w.want(5, "m-1", "m-2", "m-10", "m-11", "m-3")
		number, _ := ParseID(w.all()[2].ID)
		if n, err := w.Remove([]uint64{number}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := w.Put("c", 3, big(12)); err != nil {
			t.Fatalf("after removing: %v", err)
		}
	}

	w := newWorld(t, share, func(o *Options) { o.DropOldest = true })
	w.put("a", 1, 1, 2)
	for i := range 5 {
		if _, err := w.Put("c", uint64(i+1), big(10+i)); err != nil {
			t.Fatal(err)
		}
		w.Commit("c")
	}
	w.want(4, "m-1", "m-2", "m-13", "m-14")

	// A letter larger than the share is cut to it.
	w = newWorld(t, share)
	if _, err := w.Put("c", 1, []queue.DeadLetter{letter(1, strings.Repeat("y", 10_000))}); err != nil {
		t.Fatal(err)
	}
	w.Commit("c")
	if _, bytes := w.Stats(); bytes > 3000 || w.all()[0].Cut == 0 {
		t.Errorf("%d bytes, %d cut", bytes, w.all()[0].Cut)
	}
}

// A letter that is too large is cut, and reported.
func TestTooLarge(t *testing.T) {
	for _, drop := range []bool{false, true} {
		said := 0
		w := newWorld(t, func(o *Options) {
			o.MaxSize, o.DropOldest = 4000, drop
			o.Cut = func(n int) { said += n }
		})
		if drop {
			w.put("a", 1, 1, 2)
		}
		if n, err := w.Put("a", 2, []queue.DeadLetter{letter(3, strings.Repeat("y", 10_000))}); err != nil || drop != (n == 2) {
			t.Fatalf("dropped %d, %v", n, err)
		}
		w.Commit("a")
		d := w.all()[0]
		if said != 1 {
			t.Errorf("%d letters were reported as cut", said)
		}
		if len(d.Body) < 2000 || d.Cut+int64(len(d.Body)) != 10_000 || strings.Trim(string(d.Body), "y") != "" {
			t.Errorf("body of %d, %d cut", len(d.Body), d.Cut)
		}
		if _, bytes := w.Stats(); bytes > 4000 {
			t.Errorf("%d bytes", bytes)
		}
	}
	// Several letters that do not fit together: the small ones are not cut.
	w := newWorld(t, func(o *Options) { o.MaxSize = 4000 })
	if _, err := w.Put("a", 1, []queue.DeadLetter{letter(1, "small"), letter(2, strings.Repeat("y", 3500)), letter(3, strings.Repeat("z", 3500))}); err != nil {
		t.Fatal(err)
	}
	w.Commit("a")
	w.want(3, "m-1", "m-2", "m-3")
	for i, d := range w.all() {
		if (d.Cut > 0) != (i > 0) {
			t.Errorf("letter %d: %d bytes are cut", i, d.Cut)
		}
	}
	// A letter whose other fields alone exceed the limit is stored nevertheless.
	d := letter(4, "x")
	d.Message = strings.Repeat("w", 9000)
	w = newWorld(t, func(o *Options) { o.MaxSize = 4000 })
	if _, err := w.Put("a", 1, []queue.DeadLetter{d}); err != nil {
		t.Fatal(err)
	}
}

func TestLetterWithoutRecord(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		lane string
		seq  int
	}{{"a", 0}, {"", 1}} {
		if _, err := w.Put(c.lane, 1, []queue.DeadLetter{letter(c.seq, "x")}); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestExpire(t *testing.T) {
	w := newWorld(t)
	// The second has no trusted time of death, the others have one.
	for i, at := range []time.Time{time.Unix(1, 0), {}, time.Unix(3, 0), time.Unix(4, 0)} {
		w.o.Stamp = func() age.Stamp { return age.Stamp{Ran: time.Duration(i), At: at} }
		w.again()
		w.put("a", uint64(i+1), i+1)
	}
	for _, c := range []struct{ before, want int }{{1, 0}, {2, 1}, {4, 1}, {4, 0}} {
		old := func(s age.Stamp) bool { return !s.At.IsZero() && s.At.Before(time.Unix(int64(c.before), 0)) }
		if n, err := w.Expire(old); n != c.want || err != nil {
			t.Errorf("before %d: %d, %v", c.before, n, err)
		}
	}
	w.want(2, "m-2", "m-4")
}

// A letter's number is not reused, whatever happened to the letter.
func TestNumbersAreNotReused(t *testing.T) {
	w := newWorld(t)
	last := uint64(0)
	for i, do := range []func(){
		func() {}, w.again,
		func() {
			if err := w.Compact(); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			if _, err := w.Forget(func(queue.DeadLetter) bool { return true }, false); err != nil {
				t.Fatal(err)
			}
		},
		func() { // damage
			if err := os.WriteFile(w.path, make([]byte, 4096), 0o600); err != nil {
				t.Fatal(err)
			}
			w.o.First = 9 << 32
			w.again()
		},
	} {
		w.put("a", uint64(i+1), i+1)
		n, _ := ParseID(w.all()[0].ID)
		if n <= last {
			t.Errorf("%d: number %x after %x", i, n, last)
		}
		last = n
		if i != 3 && i != 4 {
			if _, err := w.Remove([]uint64{n}); err != nil {
				t.Fatal(err)
			}
		}
		do()
	}
	w.put("a", 9, 9)
	if n, _ := ParseID(w.all()[0].ID); n <= last {
		t.Errorf("number %x after %x", n, last)
	}
}

func TestForget(t *testing.T) {
	for _, key := range []byte{0, 7} {
		w := newWorld(t, func(o *Options) { o.Ring = ringOf(t, key) })
		w.put("a", 1, 1, 2, 3)
		if _, err := w.Remove([]uint64{1<<32 + 2}); err != nil { // stays in a free page
			t.Fatal(err)
		}
		whose := func(id string) func(queue.DeadLetter) bool {
			return func(d queue.DeadLetter) bool { return d.MessageID == id }
		}
		for _, c := range []struct {
			id   string
			want int
		}{{"m-1", 1}, {"m-3", 0}, {"nobody", 0}} {
			if n, err := w.Forget(whose(c.id), false); n != c.want || err != nil {
				t.Errorf("%s: %d, %v", c.id, n, err)
			}
		}
		w.want(1, "m-2")
		found := 0
		if err := w.EachInFile(func(d queue.DeadLetter) {
			found++
			if d.MessageID != "m-2" {
				t.Errorf("%s is still in the file", d.MessageID)
			}
		}); err != nil || found == 0 {
			t.Error(found, err)
		}
	}
}

func TestReseal(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1, 2)
	if _, err := w.Remove([]uint64{1 << 32}); err != nil {
		t.Fatal(err)
	}
	for _, ring := range []*seal.Ring{ringOf(t, 1), ringOf(t, 2, 1)} {
		w.o.Ring = ring
		w.again()
		for range 2 {
			if err := w.Reseal(); err != nil {
				t.Fatal(err)
			}
		}
		w.want(1, "m-2")
		if b, _ := os.ReadFile(w.path); bytes.Contains(b, []byte("body of")) {
			t.Error("something is plain text")
		}
	}
	w.o.Ring = ringOf(t, 3)
	w.again()
	if _, err := w.List(0, 1); !errors.Is(err, seal.ErrKey) {
		t.Errorf("without its key: %v", err)
	}
	if _, err := w.Forget(func(queue.DeadLetter) bool { return false }, false); !errors.Is(err, seal.ErrKey) {
		t.Errorf("forget without its key: %v", err)
	}
}

func TestCompact(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxSize = 64 << 20 })
	var gone []uint64
	for n := 1; n <= 300; n++ {
		if _, err := w.Put("a", uint64(n), []queue.DeadLetter{letter(n, strings.Repeat("x", 20_000))}); err != nil {
			t.Fatal(err)
		}
		w.Commit("a")
		gone = append(gone, 1<<32+uint64(n-1))
	}
	if w.MostlyFree() {
		t.Error("MostlyFree is true for a full file")
	}
	if n, err := w.Remove(gone[1:]); n != 299 || err != nil {
		t.Fatal(n, err)
	}
	if !w.MostlyFree() {
		t.Error("MostlyFree is false for an empty file")
	}
	if err := w.Compact(); err != nil || w.MostlyFree() {
		t.Error(err)
	}
	w.want(1, "m-1")
	fi, err := os.Stat(w.path)
	if err != nil || fi.Size() > 256<<10 {
		t.Error(fi.Size(), err)
	}
}

func TestCopyAndReadOnly(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1)
	if _, err := w.Put("a", 2, []queue.DeadLetter{letter(2, "in flight")}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := w.Copy(copied); err != nil {
		t.Fatal(err)
	}
	if err := w.Copy(copied); err == nil {
		t.Error("Copy overwrote a file")
	}
	r := *w
	r.path, r.o.ReadOnly, r.o.Files = copied, true, &plainFiles{readOnly: true}
	r.open()
	defer r.Close()
	r.want(2, "m-1") // the other letter is hidden: read-only, nothing is removed
	for _, fn := range []func() error{
		func() error { _, err := r.Put("a", 3, []queue.DeadLetter{letter(3, "x")}); return err },
		func() error { _, err := r.Remove([]uint64{1}); return err },
		func() error { _, err := r.Forget(nil, false); return err },
		r.Compact, r.Reseal,
	} {
		if fn() == nil {
			t.Error("something was written")
		}
	}
	none := *w
	none.path, none.o = filepath.Join(t.TempDir(), "none.db"), r.o
	none.open()
	none.want(0)
	if err := errors.Join(none.Copy("x"), none.Close(), none.Close()); err != nil {
		t.Error(err)
	}
	if n, err := none.Expire(func(age.Stamp) bool { return true }); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// A failed write changes nothing. Repeating it stores its letters once, whether or not the
// failed write had reached the file.
func TestFailedWrite(t *testing.T) {
	for _, fail := range []error{errors.New("input/output error"), errNoSpace} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, late=%v", fail, late), func(t *testing.T) {
				var next error
				files := &plainFiles{opened: func(db DB) DB { return &flaky{db, &next, late} }}
				w := newWorld(t, func(o *Options) { o.Files = files })
				w.put("a", 1, 1)
				for range 3 {
					next = fail
					if _, err := w.Put("a", 2, []queue.DeadLetter{letter(2, "x"), letter(3, "y")}); err == nil {
						t.Fatal("no error")
					}
					if got := w.all(); len(got) != 1 {
						t.Fatalf("%d letters are visible", len(got))
					}
				}
				w.put("a", 2, 2, 3)
				w.want(3, "m-1", "m-2", "m-3")
				w.again()
				w.want(3, "m-1", "m-2", "m-3")
			})
		}
	}
}

// On a full volume the reserve is freed for letters.
func TestFullVolume(t *testing.T) {
	var next error
	freed := 0
	w := newWorld(t, func(o *Options) {
		o.Files = &plainFiles{opened: func(db DB) DB { return &flaky{db, &next, false} }}
		o.Full = func() bool { freed++; return true }
	})
	next = errNoSpace
	w.put("a", 1, 1)
	w.want(1, "m-1")
	if freed != 1 {
		t.Errorf("the reserve was freed %d times", freed)
	}
}

func TestOpenErrors(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	busy := errors.New("too many open files")
	o := w.o
	o.Files = &plainFiles{openErr: busy}
	if _, err := Open(w.path, o); !errors.Is(err, busy) {
		t.Error(err)
	}
	o = w.o
	o.Header = []byte("format 3")
	newer, err := Open(filepath.Join(t.TempDir(), "newer.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	newer.Close()
	if _, err := Open(newer.path, w.o); err == nil || errors.Is(err, seal.ErrDamaged) {
		t.Errorf("a newer format: %v", err)
	}
	o = w.o
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such", "dead.db"), o); err == nil {
		t.Error("Open succeeded in a directory that does not exist")
	}
	// A file that cannot be reopened after a rewrite is reopened at the next write.
	files := &plainFiles{}
	o.Files = files
	s, err := Open(w.path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files.openErr = busy
	if err := s.Compact(); !errors.Is(err, busy) {
		t.Error(err)
	}
	if _, err := s.Remove([]uint64{1}); !errors.Is(err, busy) {
		t.Error(err)
	}
	files.openErr = nil
	if n, err := s.Remove([]uint64{1 << 32}); n != 1 || err != nil {
		t.Error(n, err)
	}
	if db, ok := s.db.(*bolt.DB); !ok || db.Path() != w.path {
		t.Error("Open succeeded on another file")
	}
}
