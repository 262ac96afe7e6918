package local

import (
	"errors"
	"testing"
	"time"

	"relay/queue"
)

// Copies of forwarded records are dropped to make space, oldest first. Records not forwarded yet
// are kept, and appends are refused in the end.
func TestKeptCopiesAreDropped(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{MaxSize: 2 << 20, NoSync: true})
	s := newNoise()
	stored := 0
	store := func(settle bool) error {
		es := s.batch(20, 1000, queue.LaneForward)
		for i := range es {
			es[i].Lanes = []string{queue.LaneForward, queue.LaneKept}
		}
		a, err := q.Append(t.Context(), es)
		if err != nil {
			return err
		}
		stored += a.Stored
		if settle {
			q.mu.Lock()
			end := q.endSeq()
			q.mu.Unlock()
			if _, err := q.Settle(queue.LaneForward, Settlement{Settled: queue.UpTo(end)}); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
	var full *FullError
	refused := 0
	for stored < 6000 { // three times what fits
		if err := store(true); errors.As(err, &full) {
			if refused++; refused > 2000 {
				t.Fatal("intake stays closed although there are copies")
			}
			tidied(q)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	kept, _ := q.Lane(queue.LaneKept)
	dropped := q.Stats().Dropped
	if kept.Pending == 0 || kept.Pending+dropped[queue.DropKept] != int64(stored) || dropped[queue.DropMaxSize] != 0 {
		t.Errorf("%d stored, %d kept, dropped %v", stored, kept.Pending, dropped)
	}
	if st := q.Stats(); st.Pending != 0 || !st.Oldest.IsZero() {
		t.Errorf("copies count as pending: %d since %s", st.Pending, st.Oldest)
	}
	t.Logf("%d stored, %d kept, refused %d times", stored, kept.Pending, refused)
	for {
		err := store(false)
		for tries := 0; errors.As(err, &full) && tries < 100; tries++ {
			tidied(q)
			err = store(false)
		}
		if errors.As(err, &full) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	waiting, _ := q.Lane(queue.LaneForward)
	if got := count(t, q, queue.LaneForward); got != int(waiting.Pending) || q.Stats().Dropped[queue.DropMaxSize] != 0 {
		t.Errorf("%d of %d are pending, dropped %v", got, waiting.Pending, q.Stats().Dropped)
	}
}

// tidied waits while the background goroutine frees space.
func tidied(q *Queue) {
	q.schedule(task{unlink: true})
	time.Sleep(2 * time.Millisecond)
}

func count(t *testing.T, q *Queue, lane string) (n int) {
	t.Helper()
	for from := Seq(0); ; {
		b, err := q.Read(lane, from, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		n += len(b.Records)
		if from = b.Next; !b.More {
			return n
		}
	}
}

// A conflict of an event with a kept copy has a copy too, and Forget finds it.
func TestKeptConflict(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	one, two := entry("x", queue.LaneForward, queue.LaneKept), entry("x", queue.LaneForward, queue.LaneKept)
	one.Fingerprint, two.Fingerprint = 1, 2
	mustAppend(t, q, one, two)
	if got := count(t, q, queue.LaneKept); got != 2 {
		t.Errorf("%d copies", got)
	}
	for _, lane := range []string{queue.LaneForward, queue.LaneConflict} {
		if _, err := q.Settle(lane, Settlement{Settled: queue.UpTo(q.endSeq())}); err != nil {
			t.Fatal(err)
		}
	}
	all := queue.Forget{Record: func(*Record) bool { return true }, Letter: func(*DeadLetter) bool { return true }}
	n, err := q.Forget(all)
	if err != nil || n.Kept != 2 || n.Found() != 2 {
		t.Errorf("%+v, %v", n, err)
	}
	if got := count(t, q, queue.LaneKept); got != 0 {
		t.Errorf("%d copies after a forget", got)
	}
}
