package local

import (
	"fmt"
	"testing"
	"time"

	"relay/queue"
)

// Intake stops while the volume still takes the files that draining needs, and
// begins again some way above that.
func TestMarksOfFiles(t *testing.T) {
	sp := space{high: 100, low: 80, disk: 10, floor: 10, volFree: 1000}
	was := ""
	for _, c := range []struct {
		files int64
		want  string
	}{{1000, ""}, {filesFloor, ""}, {filesFloor - 1, "disk_full"}, {0, "disk_full"}, {filesFloor, "disk_full"}, {2 * filesFloor, ""}} {
		sp.volFiles = c.files
		if was = sp.marks(was); was != c.want {
			t.Errorf("%d files: %q", c.files, was)
		}
	}
}

// What nobody maps goes first, whatever it is that the volume runs out of: kept
// for a day, it would keep intake shut for a day.
func TestFullLetsUnmappedGo(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	mustAppend(t, q, entry("u", queue.LaneUnmapped), entry("m", "l"))
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Read("l", 0, 0, 0); err != nil { // waits until it is sealed
		t.Fatal(err)
	}
	for i := 0; ; i++ { // the keeper may find in between that there is room
		q.setFull("disk_full")
		q.makeRoom()
		if st, _ := q.Lane(queue.LaneUnmapped); st.Pending == 0 {
			break
		}
		if i == 100 {
			t.Fatal("unmapped events are kept while the volume is full")
		}
	}
	if st, _ := q.Lane("l"); st.Pending != 1 {
		t.Errorf("%+v", st)
	}
}

// A lane that is behind the others but gets on loses nothing to its quota: so it
// is for the largest one whenever a long outage ends. One that is stuck does.
func TestQuotaSparesWhatGetsOn(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	for i := range 3 {
		for k := range 5 {
			mustAppend(t, q, entry(fmt.Sprintf("a-%d-%d", i, k), "a"))
		}
		mustAppend(t, q, entry(fmt.Sprintf("b-%d", i), "b"))
		if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
			t.Fatal(err)
		}
	}
	if got := drainAll(t, q, "b"); len(got) != 3 {
		t.Fatal(got)
	}
	if _, err := q.Read("a", 0, 0, 0); err != nil { // waits until all are sealed
		t.Fatal(err)
	}
	q.enforceQuota(1)
	if st, _ := q.Lane("a"); st.Pending != 15 {
		t.Fatalf("of a lane that gets on %d of 15 are left", st.Pending)
	}
	q.mu.Lock()
	q.lanes["a"].moved = time.Now().Add(-2 * stuckAfter)
	q.mu.Unlock()
	q.enforceQuota(1)
	if st, _ := q.Lane("a"); st.Pending == 15 {
		t.Error("a stuck lane keeps everything")
	}
}

// Several lanes that are stuck share one quota: what lies in the same segments
// counts once, and one that has less than its part of it loses nothing.
func TestQuotaOfSeveral(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	const segs = 8
	for i := range segs {
		for k := range 50 {
			mustAppend(t, q, entry(fmt.Sprintf("a-%d-%d", i, k), "a"), entry(fmt.Sprintf("b-%d-%d", i, k), "b"))
		}
		if i == segs-1 {
			mustAppend(t, q, entry("small", "small"))
		}
		mustAppend(t, q, entry(fmt.Sprintf("good-%d", i), "good"))
		if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, q, entry("good-last", "good"))
	drainAll(t, q, "good")
	if _, err := q.Read("a", 0, 0, 0); err != nil { // waits until all are sealed
		t.Fatal(err)
	}
	size := int64(0)
	q.mu.Lock()
	for _, s := range q.segs {
		if !s.tail {
			size += s.disk
		}
	}
	for _, n := range []string{"a", "b", "small"} {
		q.lanes[n].moved = time.Now().Add(-2 * stuckAfter)
	}
	q.mu.Unlock()
	q.enforceQuota(size * 5 / 8)
	for name, want := range map[string]int64{"a": 5 * 50, "b": 5 * 50, "small": 1} {
		if st, _ := q.Lane(name); st.Pending != want {
			t.Errorf("lane %s has %d records left, want %d", name, st.Pending, want)
		}
	}
}
