package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"relay/queue"
)

// printed returns an entry whose event has a fingerprint.
func printed(id string, print uint64) Entry {
	e := entry(id, "a")
	e.Fingerprint = print
	return e
}

// A conflict in a failed commit is in doubt like the rest of it. The retry stores it once, also
// after a crash.
func TestConflictInDoubt(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	mustAppend(t, q, printed("m", 1))
	both := []Entry{printed("m", 2), printed("n", 1), printed("n", 2), printed("m", 1)}
	failSyncs(q, 1)
	if a, err := q.Append(t.Context(), both); !errors.Is(err, ErrDoubt) || a != (Appended{}) {
		t.Fatalf("%+v, %v", a, err)
	}
	until(t, "a new segment takes events", func() bool { return q.CanAppend() == nil })
	if a := mustAppend(t, q, both...); a != (Appended{Stored: 1, Duplicates: 1, Conflicts: 2}) {
		t.Errorf("the retry: %+v", a)
	}
	crash(t, q)
	q = openTest(t, dir, Options{})
	opened(t, q)
	if a := mustAppend(t, q, both...); a != (Appended{Duplicates: 4}) {
		t.Errorf("after a crash: %+v", a)
	}
	if got := fmt.Sprint(drainAll(t, q, "a"), drainAll(t, q, queue.LaneConflict)); got != "[m n] [m n]" {
		t.Errorf("stored %s", got)
	}
}

// Letters of conflicts that fill their quarter of the space do not hold up others.
func TestConflictLettersAreLimited(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{DeadMaxSize: 64 << 10})
	gen := newLetters(t, q)
	n := 0
	var err error
	for ; err == nil && n < 100; n++ {
		err = gen(queue.LaneConflict)
	}
	if !errors.Is(err, queue.ErrDeadFull) || n < 8 || n > 16 {
		t.Fatalf("letter %d of 1 KiB: %v", n, err)
	}
	for range 20 {
		if err := gen(queue.LaneRefused); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{DeadMaxSize: 64 << 10})
	opened(t, q)
	gen = newLetters(t, q)
	if err := gen(queue.LaneConflict); !errors.Is(err, queue.ErrDeadFull) {
		t.Errorf("after a restart: %v", err)
	}
	if err := gen("a"); err != nil {
		t.Error(err)
	}
}

// newLetters returns a function that creates a letter of about 1 KiB in a lane.
func newLetters(t *testing.T, q *Queue) func(lane string) error {
	t.Helper()
	n := 0
	return func(lane string) error {
		n++
		body := make([]byte, 1<<10)
		_, _ = rand.Read(body)
		mustAppend(t, q, Entry{ID: fmt.Sprint(lane, n, body[0], body[1], body[2]), Lanes: []string{lane}, Body: body})
		b, err := q.Read(lane, 0, 1, 0)
		if err != nil || len(b.Records) != 1 {
			t.Fatal(b, err)
		}
		r := b.Records[0]
		return settle(q, lane, Settlement{Settled: upto(b.Next), Dead: []DeadLetter{{Seq: r.Seq, MessageID: r.ID, Body: r.Body}}})
	}
}

// A letter of a conflict is redriven under a new id, without its flag; any other letter under its
// own id.
func TestRedriveConflict(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	mustAppend(t, q, printed("m", 1), printed("m", 2))
	b, err := q.Read(queue.LaneConflict, 0, 0, 0)
	if err != nil || len(b.Records) != 1 {
		t.Fatal(b, err)
	}
	r := b.Records[0]
	s := Settlement{Settled: upto(b.Next), Dead: []DeadLetter{
		{Seq: r.Seq, MessageID: r.ID, Reason: "id_conflict", ReceivedAt: r.Received, Flags: r.Flags, Body: r.Body},
		{Seq: r.Seq, Slot: 1, MessageID: "other", Reason: "rejected", ReceivedAt: r.Received, Flags: queue.FlagImported, Body: r.Body},
	}}
	if err := settle(q, queue.LaneConflict, s); err != nil {
		t.Fatal(err)
	}
	drainAll(t, q, "a")
	letters, _ := deadIDs(t, q)
	if n, err := q.Redrive(letters, func(DeadLetter) []string { return []string{"a"} }); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	b, err = q.Read("a", 0, 0, 0)
	if err != nil || len(b.Records) != 2 {
		t.Fatal(b, err)
	}
	for i, want := range []Record{
		{ID: "m." + letters[0], Flags: queue.FlagRedriven},
		{ID: "other", Flags: queue.FlagRedriven | queue.FlagImported},
	} {
		if r := b.Records[i]; r.ID != want.ID || r.Flags != want.Flags {
			t.Errorf("record %d is %s with flags %b, want %s with %b", i, r.ID, r.Flags, want.ID, want.Flags)
		}
	}
}
