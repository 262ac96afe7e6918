package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"relay/queue/local/internal/segment"
)

// A lane that has read everything while the tail is empty must not skip what is appended to it.
func TestReadBeforeFirstAppend(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	mustAppend(t, q, entry("a", "l"))
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	b, err := q.Read("l", 0, 0, 0)
	if err != nil || len(b.Records) != 1 {
		t.Fatal(b, err)
	}
	again, err := q.Read("l", b.Next, 0, 0)
	if err != nil || len(again.Records) != 0 {
		t.Fatal(again, err)
	}
	mustAppend(t, q, entry("b", "l"))
	for _, next := range []Seq{b.Next, again.Next} {
		if c, err := q.Read("l", next, 0, 0); err != nil || len(c.Records) != 1 || c.Records[0].ID != "b" {
			t.Fatalf("read from %x: %+v, %v", uint64(next), c, err)
		}
	}
	if err := settle(q, "l", Settlement{Settled: upto(again.Next)}); err != nil {
		t.Fatal(err)
	}
	if ids := drainAll(t, q, "l"); len(ids) != 1 || ids[0] != "b" {
		t.Fatalf("after settling: %q", ids)
	}
}

// The numbers of a void range are not reused, even if its segment is gone.
func TestVoidNumbersAreNotReused(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	failSyncs(q, 1)
	if _, err := q.Append(t.Context(), []Entry{entry("a", "l")}); !errors.Is(err, ErrDoubt) {
		t.Fatal(err)
	}
	until(t, "the segment in doubt is gone", func() bool { _, err := os.Stat(segment.Path(dir, 1)); return err != nil })
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{})
	mustAppend(t, q, entry("a", "l"), entry("b", "l"))
	crash(t, q)
	q = openTest(t, dir, Options{})
	if ids := drainAll(t, q, "l"); fmt.Sprint(ids) != "[a b]" {
		t.Fatalf("after a crash: %q", ids)
	}
}

// failSyncs makes the next n commits be stored but not confirmed.
func failSyncs(q *Queue, n int) {
	if err := q.onTail(func(*writer) error {
		q.writer.sync = func(s *seg) error {
			if n--; n >= 0 {
				return syscall.EIO
			}
			return s.Sync()
		}
		return nil
	}); err != nil {
		panic(err)
	}
}

// crash leaves the directory as SIGKILL would: nothing is sealed or closed.
func crash(t testing.TB, q *Queue) {
	t.Helper()
	q.closer.Do(func() {
		close(q.stop)
		q.owned.Wait() // copying changing files would mix states
		q.lock.Close()
	})
	copyTo := t.TempDir()
	if err := os.CopyFS(copyTo, os.DirFS(q.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(q.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copyTo, filepath.Clean(q.dir)); err != nil {
		t.Fatal(err)
	}
}
