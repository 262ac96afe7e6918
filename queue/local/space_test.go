package local

import (
	"errors"
	"fmt"
	"testing"

	"relay/queue"
)

// Unmapped events, which are kept for a day, are dropped first when the queue has reached its
// limit: otherwise intake would be closed for a day. They stay if other files fill the volume.
func TestFullDropsUnmapped(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	mustAppend(t, q, entry("u", queue.LaneUnmapped), entry("m", "l"))
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Read("l", 0, 0, 0); err != nil { // waits until the segment is sealed
		t.Fatal(err)
	}
	q.space.mu.Lock()
	q.space.vol.Free = 0 // below the floor
	q.space.full = "disk_full"
	q.space.mu.Unlock()
	q.makeRoom()
	if st, _ := q.Lane(queue.LaneUnmapped); st.Pending != 1 {
		t.Error("unmapped events were dropped because other files fill the volume")
	}
	for i := 0; ; i++ { // the background goroutine can reopen intake meanwhile
		q.space.shut("max_size")
		q.makeRoom()
		if st, _ := q.Lane(queue.LaneUnmapped); st.Pending == 0 {
			break
		}
		if i == 100 {
			t.Fatal("unmapped events are kept while the queue is full")
		}
	}
	if st, _ := q.Lane("l"); st.Pending != 1 {
		t.Errorf("%+v", st)
	}
}

// An outage fills the queue after unmapped events were dropped, while one lane skips all its
// records and one makes dead letters of them. Intake is refused, and no pending record is dropped.
func TestFullRefusesAndDropsNothing(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{MaxSize: 2 << 20, NoSync: true})
	s := newNoise()
	var full *FullError
	stored := 0
	for {
		es := s.batch(20, 1000, "set", "skips")
		if stored%200 == 0 {
			es = append(es, entry(fmt.Sprint("unusable-", stored), "refused"))
		}
		a, err := q.Append(t.Context(), es)
		if errors.As(err, &full) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stored += min(a.Stored, 20)
	}
	drainAll(t, q, "skips")
	b, err := q.Read("refused", 0, 0, 0)
	if err != nil || len(b.Records) == 0 {
		t.Fatalf("%d unusable records, %v", len(b.Records), err)
	}
	dead := Settlement{Settled: upto(b.Next)}
	for _, r := range b.Records {
		dead.Dead = append(dead.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "refused", Reason: "invalid", Body: r.Body})
	}
	if err := settle(q, "refused", dead); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		q.makeRoom()
	}
	if n := q.Stats().Dropped; len(n) > 0 {
		t.Errorf("dropped %v", n)
	}
	if err := q.CanAppend(); !errors.As(err, &full) {
		t.Errorf("the queue takes more: %v", err)
	}
	if got := drainAll(t, q, "set"); len(got) != stored {
		t.Errorf("%d of %d were delivered after the outage", len(got), stored)
	}
}

// The background goroutine frees space although the next segment to be dropped must first be
// repaired, by itself: it skips the segment and repairs it, and intake continues.
func TestMakeRoomDoesNotWait(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{DropOldest: true})
	opened(t, q)
	mustAppend(t, q, entry("m-1", "l"))
	rotate := func(w *writer) error { return w.rotate() }
	// The background goroutine is held until it has three tasks: seal, free space, repair.
	q.repairing.Lock()
	if err := q.onTail(rotate); err != nil {
		t.Fatal(err)
	}
	tasks := func() int { n, _ := q.tasks.left(); return n }
	until(t, "the keeper seals", func() bool { return tasks() == 0 })
	sync := q.writer.sync
	fail := func(fn func(*seg) error) error {
		return q.onTail(func(*writer) error { q.writer.sync = fn; return nil })
	}
	if err := fail(func(*seg) error { return errors.New("no answer") }); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), []Entry{entry("m-2", "l")}); !errors.Is(err, ErrDoubt) {
		t.Fatal(err)
	}
	if err := fail(sync); err != nil {
		t.Fatal(err)
	}
	q.space.mu.Lock()
	high := q.space.marks.High
	q.space.marks.High = 1
	q.space.mu.Unlock()
	q.schedule(task{room: true})
	if err := q.onTail(rotate); err != nil {
		t.Fatal(err)
	}
	q.repairing.Unlock()
	until(t, "every segment can be read", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, s := range q.segs {
			if !isClosed(s.ready) {
				return false
			}
		}
		return tasks() == 0
	})
	q.space.mu.Lock()
	q.space.marks.High = high
	q.space.mu.Unlock()
	until(t, "intake is open again", func() bool { return q.CanAppend() == nil })
	mustAppend(t, q, entry("m-2", "l"))
}

// A lane that is being settled is skipped: its settlement can be waiting for a repair by the
// background goroutine.
func TestMakeRoomSkipsBusyLane(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{DropOldest: true, NoSync: true})
	mustAppend(t, q, entry("m-1", "l"))
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Read("l", 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	q.mu.Lock()
	l := q.lane("l")
	q.mu.Unlock()
	l.settling.Lock()
	q.dropOldest(func() bool { return false })
	l.settling.Unlock()
	if st, _ := q.Lane("l"); st.Pending != 1 {
		t.Error("the lane was dropped nevertheless")
	}
	q.dropOldest(func() bool { return false })
	if st, _ := q.Lane("l"); st.Pending != 0 {
		t.Error("the lane is not dropped afterwards")
	}
}
