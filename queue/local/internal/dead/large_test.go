package dead

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
)

// large returns a letter of n bytes in which no sequence of bytes repeats.
func large(seq, n int) queue.DeadLetter {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seq)}).Read(b)
	return letter(seq, string(b))
}

// A file rewritten in several transactions contains every letter unchanged, with its number,
// and the next letter gets a new number.
func TestRewriteInSeveralTransactions(t *testing.T) {
	for name, again := range map[string]func(w *world) error{
		"compact": func(w *world) error { return w.Compact() },
		"reseal":  func(w *world) error { w.o.Ring.Use(ringOf(w.t, 7, 0).Keys()); return w.Reseal() },
		"repair":  func(w *world) error { return w.repair(errors.New("damaged"), true) },
		"scan":    func(w *world) error { return w.repair(errors.New("damaged"), false) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.MaxSize = 32 << 20 })
			var ls []queue.DeadLetter
			for n := range 40 {
				ls = append(ls, large(n+1, 90<<10))
			}
			if _, err := w.Put("a", 1, ls); err != nil {
				t.Fatal(err)
			}
			w.gens["a"] = 1
			w.Commit("a")
			before := w.all()
			if err := again(w); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				after := w.all()
				if len(after) != 40 || !slices.EqualFunc(before, after, func(x, y queue.DeadLetter) bool {
					return x.ID == y.ID && x.MessageID == y.MessageID && bytes.Equal(x.Body, y.Body)
				}) {
					t.Fatalf("%d letters", len(after))
				}
				w.again()
			}
			w.put("a", 2, 41)
			if all := w.all(); all[40].MessageID != "m-41" || all[40].ID <= before[39].ID {
				t.Errorf("the next number is %s, the last was %s", all[40].ID, before[39].ID)
			}
		})
	}
}

// A letter across two windows of a scan is found, also in free pages, and is gone once it is
// forgotten.
func TestLetterLargerThanAWindow(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxSize = 32 << 20 })
	ls := []queue.DeadLetter{large(1, scanWindow/2), large(2, 2*scanWindow+5), large(3, scanWindow-100)}
	if _, err := w.Put("a", 1, ls); err != nil {
		t.Fatal(err)
	}
	w.gens["a"] = 1
	w.Commit("a")
	number, _ := ParseID(w.all()[1].ID)
	if d, err := w.Get(number); err != nil || !bytes.Equal(d.Body, ls[1].Body) {
		t.Errorf("%s, %v", d.MessageID, err)
	}
	if n, err := w.Remove([]uint64{number}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := w.Get(number); !errors.Is(err, queue.ErrNotFound) {
		t.Error(err)
	}
	lingers := func() (out []string) {
		if err := w.EachInFile(func(d queue.DeadLetter) {
			if seq := int(d.Seq); bytes.Equal(d.Body, ls[seq-1].Body) && !slices.Contains(out, d.MessageID) {
				out = append(out, d.MessageID)
			}
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out)
		return out
	}
	if got := fmt.Sprint(lingers()); got != "[m-1 m-2 m-3]" {
		t.Errorf("found %s", got)
	}
	if n, err := w.Forget(func(d queue.DeadLetter) bool { return d.MessageID == "m-2" }, false); n != 0 || err != nil {
		t.Error(n, err)
	}
	if got := fmt.Sprint(lingers()); got != "[m-1 m-3]" {
		t.Errorf("found %s after m-2 was forgotten", got)
	}
	w.want(2, "m-1", "m-3")
}

// A letter is forgotten wherever it is in a page: after a letter larger than any page, or in
// a lane with the longest name.
func TestForgetAfterLargeLetter(t *testing.T) {
	for name, lane := range map[string]string{"short": "a", "long": strings.Repeat("a", maxLane)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if _, err := w.Put(lane, 1, []queue.DeadLetter{large(1, 100<<10), letter(2, "a person's")}); err != nil {
				t.Fatal(err)
			}
			w.gens[lane] = 1
			w.Commit(lane)
			w.again()
			if n, err := w.Forget(func(d queue.DeadLetter) bool { return d.MessageID == "m-2" }, false); n != 1 || err != nil {
				t.Errorf("%d forgotten, %v", n, err)
			}
			w.want(1, "m-1")
			if bytes.Contains(read(t, w.path), []byte("a person's")) {
				t.Error("its bytes are still in the file")
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blind fails to read its file the first time.
type blind struct {
	DB
	views *int
}

func (b *blind) View(fn func(*bolt.Tx) error) error {
	if *b.views++; *b.views == 1 {
		return fmt.Errorf("a page: %w", seal.ErrDamaged)
	}
	return b.DB.View(fn)
}

// If bbolt fails on a tree that Walk accepted, the whole file is searched for rows, and the
// number of lost letters is not exact.
func TestRepairWhenBoltFails(t *testing.T) {
	views := 1
	w := newWorld(t, func(o *Options) {
		o.Files = &plainFiles{opened: func(db DB) DB { return &blind{db, &views} }}
	})
	w.put("a", 1, 1, 2, 3)
	if err := w.db.Update(func(tx *bolt.Tx) error { // a listed letter that does not exist
		return tx.Bucket(bucketOrder).Put(numberKey(77), rowKey("a", 9, 0))
	}); err != nil {
		t.Fatal(err)
	}
	views = 0
	w.again()
	w.want(3, "m-1", "m-2", "m-3")
	if len(w.repairs) != 1 || w.repairs[0].Exact || w.repairs[0].Saved != 3 {
		t.Errorf("%+v", w.repairs)
	}
	w.put("a", 2, 4)
	if n, _ := ParseID(w.all()[3].ID); n>>32 == 1 {
		t.Errorf("number %x can have been used before", n)
	}
}

// If void letters cannot be removed when the file is opened, Open fails; the next attempt
// removes them.
func TestVoidLettersCannotBeRemoved(t *testing.T) {
	var next error
	w := newWorld(t, func(o *Options) {
		o.Files = &plainFiles{opened: func(db DB) DB { return &flaky{db, &next, false} }}
	})
	w.put("a", 1, 1)
	if _, err := w.Put("a", 2, []queue.DeadLetter{letter(2, "void")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	next = errors.New("input/output error")
	if _, err := Open(w.path, w.o); err == nil {
		t.Error("Open succeeded although void letters remain")
	}
	w.open()
	w.want(1, "m-1")
}
