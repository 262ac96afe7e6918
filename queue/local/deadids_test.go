package local

import (
	"testing"
	"time"

	"relay/queue/local/internal/age"
)

// settleDead makes a dead letter of every pending record of a lane.
func settleDead(t testing.TB, q *Queue, lane string) {
	t.Helper()
	b, err := q.Read(lane, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := Settlement{Settled: upto(b.Next)}
	for _, r := range b.Records {
		s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: lane, Reason: "rejected", ReceivedAt: r.Received, Body: r.Body})
	}
	if err := settle(q, lane, s); err != nil {
		t.Fatal(err)
	}
}

func deadIDs(t testing.TB, q *Queue) (ids, messages []string) {
	t.Helper()
	if err := q.DeadLetters("", func(d DeadLetter) bool {
		ids, messages = append(ids, d.ID), append(messages, d.MessageID)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return ids, messages
}

// The id of a removed letter is not reused, whatever removed it and whatever was restarted since.
// Otherwise redriving the new letter would count as a repetition, and the letter would be lost.
func TestDeadIDsAreNotReused(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	o := Options{DeadMaxAge: time.Hour, Now: func() time.Time { return now }}
	q := openTest(t, dir, o)
	mustAppend(t, q, entry("a", "l"))
	settleDead(t, q, "l")
	old, _ := deadIDs(t, q)
	if n, err := q.Redrive(old, func(DeadLetter) []string { return []string{"l"} }); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	drainAll(t, q, "l")
	mustAppend(t, q, entry("b", "l"))
	settleDead(t, q, "l")
	if err := q.dead.expire(func(age.Stamp) bool { return true }); err != nil { // removes all letters
		t.Fatal(err)
	}
	if ids, _ := deadIDs(t, q); len(ids) != 0 {
		t.Fatalf("letters %q are left", ids)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, o)
	opened(t, q)
	mustAppend(t, q, entry("c", "l"))
	settleDead(t, q, "l")
	fresh, _ := deadIDs(t, q)
	if len(fresh) != 1 || fresh[0] <= old[0] {
		t.Fatalf("ids %q after %q", fresh, old)
	}
	if n, err := q.Redrive(fresh, func(DeadLetter) []string { return []string{"l"} }); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if ids := drainAll(t, q, "l"); len(ids) != 1 || ids[0] != "c" {
		t.Fatalf("redriven: %q", ids)
	}
}
