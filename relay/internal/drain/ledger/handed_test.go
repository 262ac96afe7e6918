package ledger

import (
	"testing"
	"time"

	"relay/queue"
)

// Copies are due once the retention time has passed since they were forwarded, not before,
// and each number is returned once.
func TestNoteHanded(t *testing.T) {
	const keep = 100 * time.Hour
	start := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	g := New(nil, "kept")
	for _, step := range []struct {
		after time.Duration
		to    queue.Seq
		want  queue.Seq
	}{
		{0, 10, 0},
		{50 * time.Hour, 20, 0},
		{keep - time.Second, 20, 0},
		{keep, 30, 10},
		{150*time.Hour - time.Second, 30, 0},
		{150 * time.Hour, 30, 20},
		{200 * time.Hour, 30, 30},
		{500 * time.Hour, 30, 0},
	} {
		if got := g.NoteHanded(step.to, start.Add(step.after), keep); got != step.want {
			t.Errorf("after %s: due before %d, want %d", step.after, got, step.want)
		}
	}
}

// Copies that were forwarded by a clock that was ahead are kept for the retention time from
// now on, not until that time.
func TestNoteHandedClockSetBack(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	g := New(nil, "kept")
	g.NoteHanded(10, now.AddDate(10, 0, 0), time.Hour)
	g.Dirty = false
	if got := g.NoteHanded(10, now, time.Hour); got != 0 || !g.Dirty {
		t.Errorf("due before %d, state changed %v", got, g.Dirty)
	}
	if got := g.NoteHanded(10, now.Add(time.Hour), time.Hour); got != 10 {
		t.Errorf("an hour later: due before %d, want 10", got)
	}
}

// The state stays small however often and for however long events are forwarded.
func TestNoteHandedIsBounded(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	g := New(nil, "kept")
	for i := range 20_000 {
		g.NoteHanded(queue.Seq(i+1), now.Add(time.Duration(i)*time.Minute), 1000*time.Minute)
	}
	if n := len(g.State.Handed); n < HandedSteps/2 || n > HandedSteps+1 {
		t.Errorf("%d times stored, want about %d", n, HandedSteps)
	}
	// A retention time that grows again and again keeps the earlier times.
	keep, at, to := 1000*time.Minute, now.Add(20_000*time.Minute), queue.Seq(20_000)
	for range 4 {
		keep *= 10
		for range HandedSteps * 9 / 10 { // before any of them is due
			at, to = at.Add(keep/HandedSteps), to+1
			g.NoteHanded(to, at, keep)
			if n := len(g.State.Handed); n > 2*HandedSteps {
				t.Fatalf("%d times stored", n)
			}
		}
	}
}
