package drain

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/ledger"
)

// Handed returns a number before which no forwarded lane has a pending record.
//
// A lane that has settled everything keeps its cursor, so records of another lane can lie
// behind it. The cursors are therefore read first: a lane that has nothing pending after that
// has settled everything before all of them.
func Handed(q interface {
	Lane(name string) (queue.LaneStat, bool)
	Stats() queue.Stats
},
) queue.Seq {
	forwarded := []string{queue.LaneForward, queue.LaneRefused, queue.LaneConflict}
	counting := q.Stats().Opening // a lane can have more pending records than are known
	to := queue.Seq(0)
	for _, name := range forwarded {
		if st, ok := q.Lane(name); ok {
			to = max(to, st.Cursor)
		}
	}
	for _, name := range forwarded {
		if st, ok := q.Lane(name); ok && (st.Pending > 0 || counting) {
			to = min(to, st.Cursor)
		}
	}
	return to
}

// runKept deletes the copies of forwarded events after the retention time, which counts from
// when they were forwarded, by a trusted clock.
func (l *lane) runKept(ctx context.Context) {
	for ctx.Err() == nil {
		l.handleWakeups()
		changed := l.s.o.Log.Changed()
		keep := l.settings().KeepHanded
		if l.s.o.Forward == nil {
			keep = 0 // without a hub, no replay needs them
		}
		to := Handed(l.s.o.Log)
		now, trusted := l.s.clock.Now()
		end := queue.Seq(0) // delete the copies before it
		switch {
		case keep == 0:
			end = to
		case trusted:
			end = l.NoteHanded(to, now, keep)
		}
		st, _ := l.s.o.Log.Lane(l.name)
		if st.Pending > 0 && end > st.Cursor {
			n, ok := l.countBefore(ctx, end)
			if !ok {
				continue
			}
			l.settleRange(queue.Range{From: 0, To: end})
			l.Count("kept", n)
			if n > 0 {
				l.log.Info("deleted copies of forwarded events after the retention time", "code", logs.KeptExpired, "events", n)
			}
		}
		l.show(Keeping, time.Time{})
		if st.Pending == 0 {
			l.show(Idle, time.Time{})
			l.sleep(ctx, -1, changed)
			l.sleep(ctx, time.Second, nil)
			continue
		}
		l.sleep(ctx, max(min(keep/ledger.HandedSteps, 10*time.Minute), time.Second), nil)
	}
	l.flush()
}

// countBefore returns how many records the lane has before a number.
func (l *lane) countBefore(ctx context.Context, end queue.Seq) (n int, ok bool) {
	for from := queue.Seq(0); ; {
		b, ok := l.read(ctx, from, 1000, 4<<20)
		if !ok {
			return 0, false
		}
		for i := range b.Records {
			if b.Records[i].Seq >= end {
				return n, true
			}
			n++
		}
		if from = b.Next; !b.More || from >= end {
			return n, true
		}
	}
}
