package local

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"relay/queue/local/internal/segment"
)

// logged opens a queue and keeps its log.
func logged(t *testing.T, dir string) (*Queue, *bytes.Buffer) {
	t.Helper()
	log := newErrorLog()
	o := stepOptions()
	o.Logger = slog.New(log)
	q := openTest(t, dir, o)
	opened(t, q)
	return q, log.out
}

// A segment removed by hand is logged and counted once. The rest is delivered, and lost records are
// stored when their senders repeat them.
func TestSegmentRemovedByHand(t *testing.T) {
	for num, records := range map[uint64]int64{1: 10, 2: 10, 3: 5, 4: 5} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("segment %d, running %v", num, running), func(t *testing.T) {
				dir := makeSteps(t, true)
				remove := func() {
					if err := os.Remove(segment.Path(dir, num)); err != nil {
						t.Fatal(err)
					}
				}
				if !running {
					remove()
				}
				q, log := logged(t, dir)
				if running {
					q.mu.Lock()
					segs := slices.DeleteFunc(slices.Clone(q.segs), func(s *seg) bool { return s.tail })
					q.mu.Unlock()
					for _, s := range segs {
						q.pool.Shut(&s.File)
					}
					remove()
				}
				var got []string
				for _, lane := range []string{"a", "b", "c"} {
					got = append(got, drainAll(t, q, lane)...)
				}
				if num < 3 && slices.ContainsFunc(stored()[(num-1)*10:][:records], func(e Entry) bool { return slices.Contains(got, e.ID) }) {
					t.Errorf("read %q", got)
				}
				st := q.Stats()
				if st.LostRecords != records || st.BadChunks != 1 || st.Pending != 0 || strings.Count(log.String(), "code=segment_missing") != 1 {
					t.Errorf("%+v, logged: %s", st, log)
				}
				if a := mustAppend(t, q, stored()...); int64(a.Stored) != records {
					t.Errorf("of %d lost records %d are stored again", records, a.Stored)
				}
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				if err := reopened(t, dir, stepOptions(), func(q *Queue) error {
					_, err := look(q)
					return err
				}); err != nil {
					t.Errorf("at the next start: %v", err)
				}
			})
		}
	}
}

// A segment unlinked by the queue is not reported as missing, wherever the process ends: also if a
// lane without records in it is far behind, and whatever a power cut undoes.
func TestDrainedSegmentIsNotMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	o := stepOptions()
	o.NoSync = false
	q := openTest(t, dir, o)
	opened(t, q)
	mustAppend(t, q, entry("m-1", "idle"), entry("m-2", "idle"))
	if err := pick(q, "idle", oneOf("m-2"), none, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		rotateNow(t, q)
		mustAppend(t, q, entry(fmt.Sprint("n-", i), "a"))
	}
	rotateNow(t, q)
	filed(t, q)
	until(t, "all are noted", func() bool {
		q.noteSealed()
		return len(q.meta.AllSealed()) == 5
	})
	c, stop := watch(t, dir)
	drainAll(t, q, "a")
	until(t, "the segments are gone", func() bool { return q.Stats().Segments == 2 && !leaves(q) })
	q.noteSealed()
	stop()
	if c.steps < 7 { // the lane's row, the record counts, four files, their directory
		t.Errorf("%d steps", c.steps)
	}
	for _, m := range c.found {
		if err := reopened(t, m.dir, stepOptions(), func(q *Queue) error {
			_, err := look(q)
			return err
		}); err != nil {
			t.Errorf("%s: %v", m.what, err)
		}
	}
}

// The number of a missing segment is not reused: its settled blocks would apply to the new one.
func TestMissingSegmentNumberIsNotReused(t *testing.T) {
	q := openTest(t, t.TempDir(), stepOptions())
	opened(t, q)
	mustAppend(t, q, entry("m-1", "a"))
	rotateNow(t, q)
	mustAppend(t, q, entry("m-2", "a", "b"), entry("m-3", "a"))
	if err := pick(q, "a", oneOf("m-2", "m-3"), none, nil); err != nil {
		t.Fatal(err)
	}
	filed(t, q)
	dir := asKilled(t, q)
	if err := os.Remove(segment.Path(dir, 2)); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, stepOptions())
	opened(t, q)
	mustAppend(t, q, entry("m-4", "a"))
	if got := fmt.Sprint(drainAll(t, q, "a")); got != "[m-1 m-4]" {
		t.Errorf("%s are pending", got)
	}
}
