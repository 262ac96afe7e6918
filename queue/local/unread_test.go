package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"relay/queue/local/directory"
	"relay/queue/local/internal/meta"
)

// A disk that temporarily returns errors has lost nothing: the lane waits, nothing is quarantined
// or counted as lost, and everything is there when the disk is back.
func TestUnreadableIsNotLost(t *testing.T) {
	dir, waiting, _ := damagedDir(t)
	path := segments(t, dir)[1]
	aside := filepath.Join(t.TempDir(), "aside")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // can be opened but not read
		t.Fatal(err)
	}
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	opened(t, q)
	for range 8 {
		var pe *fs.PathError
		if _, err := q.Read("l", 0, 10000, 1<<30); !errors.As(err, &pe) {
			t.Fatalf("read: %v", err)
		}
		q.retryFailed()
	}
	if st := q.Stats(); st.LostRecords != 0 || st.BadFiles != 0 || st.BadSegments != 0 {
		t.Fatalf("%+v", st)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
	q.retryFailed()
	if got := drainAll(t, q, "l"); !slices.Equal(got, waiting) {
		t.Errorf("%d of %d delivered", len(got), len(waiting))
	}
}

// The same for meta.db and dead.db at a start, which waits for a second.
func TestTemporarilyUnreadable(t *testing.T) {
	dir, waiting, dead := damagedDir(t)
	for _, name := range []string{meta.Name, directory.Dead} {
		path, aside := filepath.Join(dir, name), filepath.Join(t.TempDir(), "aside")
		if err := errors.Join(os.Rename(path, aside), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		back := make(chan error, 1)
		time.AfterFunc(100*time.Millisecond, func() { back <- errors.Join(os.Remove(path), os.Rename(aside, path)) })
		q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
		opened(t, q)
		if err := <-back; err != nil {
			t.Fatalf("%s was quarantined: %v", name, err)
		}
		if st := q.Stats(); st.MetaRebuilt || st.BadFiles > 0 || st.BadSegments > 0 || st.Pending != int64(len(waiting)) || st.Dead != int64(len(dead)) {
			t.Errorf("%s: %+v", name, st)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk that does not recover is given up in the end, so that the rest can be delivered.
func TestUnreadableIsGivenUp(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	s := &seg{}
	bad := errors.New("bad sector")
	if err := q.retryUnread(s, bad); !errors.Is(err, bad) {
		t.Errorf("at first: %v", err)
	}
	s.unreadSince = time.Now().Add(-unreadFor)
	if err := q.retryUnread(s, bad); err != nil {
		t.Errorf("after %v: %v", unreadFor, err)
	}
}

// Records appended to a lane while it is moved are moved or stay; none is dropped.
func TestMoveLaneUnderLoad(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	const n = 400
	mustAppend(t, q, entry("first", "a"))
	done := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := q.Append(t.Context(), []Entry{entry(fmt.Sprint(i), "a")}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for moving := true; moving; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			moving = false
		default:
		}
		if _, err := q.MoveLane("a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.Concat(drainAll(t, q, "a"), drainAll(t, q, "b"))
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != n+1 || len(q.Stats().Dropped) != 0 {
		t.Errorf("%d of %d are left, dropped %v", len(got), n+1, q.Stats().Dropped)
	}
}
