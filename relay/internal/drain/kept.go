package drain

import (
	"context"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/ledger"
)

// maxHanded is how finely the retention time is divided: a lane stores up to twice as many
// ledger.Handed.
const maxHanded = 100

// Handed returns the number before which no forwarded lane has a pending record.
func Handed(lanes func(name string) (queue.LaneStat, bool)) queue.Seq {
	st, ok := lanes(queue.LaneForward)
	if !ok {
		return 0
	}
	to := st.Cursor // read first: records added to the other lanes later are behind it
	for _, name := range []string{queue.LaneRefused, queue.LaneConflict} {
		if st, ok := lanes(name); ok && st.Pending > 0 {
			to = min(to, st.Cursor)
		}
	}
	return to
}

// runKept deletes the copies of forwarded events after the retention time, which counts from
// when they were forwarded, by a believed clock.
func (l *lane) runKept(ctx context.Context) {
	for ctx.Err() == nil {
		l.handleWakeups()
		changed := l.s.o.Log.Changed()
		keep := l.settings().KeepHanded
		if l.s.o.Forward == nil {
			keep = 0 // without a hub, no replay needs them
		}
		to := Handed(l.s.o.Log.Lane)
		now, believed := l.s.clock.Now()
		over := queue.Seq(0)
		switch {
		case keep == 0:
			over = to
		case believed:
			over = l.noteHanded(to, now, keep)
		}
		st, _ := l.s.o.Log.Lane(l.name)
		if st.Pending > 0 && over > st.Cursor {
			n, ok := l.countBefore(ctx, over)
			if !ok {
				continue
			}
			l.settleRange(queue.Range{From: 0, To: over})
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
		l.sleep(ctx, max(min(keep/maxHanded, 10*time.Minute), time.Second), nil)
	}
	l.flush()
}

// noteHanded records that everything before to has been forwarded by now. It returns the
// number before which everything was forwarded at least keep ago.
func (l *lane) noteHanded(to queue.Seq, now time.Time, keep time.Duration) (over queue.Seq) {
	all := l.State.Handed
	// A time in the future comes from a clock that was ahead: count from now.
	for i := range all {
		if all[i].At.After(now) {
			all[i].At, l.Dirty = now, true
		}
	}
	if n := len(all); to > 0 && (n == 0 || to > all[n-1].To && now.Sub(all[n-1].At) >= keep/maxHanded) {
		all, l.Dirty = append(all, ledger.Handed{To: to, At: now}), true
	}
	gone := 0
	for gone < len(all) && now.Sub(all[gone].At) >= keep {
		over, gone = all[gone].To, gone+1
	}
	if gone > 0 {
		l.Dirty = true
	}
	l.State.Handed = slices.Delete(all, 0, gone)
	if extra := len(l.State.Handed) - 2*maxHanded; extra > 0 { // keep was increased
		l.State.Handed = slices.Delete(l.State.Handed, 0, extra)
	}
	return over
}

// countBefore returns how many records the lane has before a number.
func (l *lane) countBefore(ctx context.Context, end queue.Seq) (n int, ok bool) {
	for from := queue.Seq(0); ; {
		b, err := l.s.o.Log.Read(l.name, from, 1000, 4<<20)
		if err != nil {
			l.readFailed(ctx, "read", err)
			return 0, false
		}
		l.badRead = 0
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
