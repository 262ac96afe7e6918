package drain

import (
	"context"
	"errors"
	"time"

	"relay/queue"
)

// finish moves the cursor over the batch at hand.
func (l *lane) finish() {
	b := l.work
	l.pend.Cursor, l.position, l.last = b.next, b.next, b.next
	l.pend.Dead = append(l.pend.Dead, b.holds...)
	for k, n := range b.counts {
		l.count(k, n)
	}
	for code, n := range b.notes {
		l.s.o.Metrics.Note(code, n)
	}
	for i := range b.holds {
		if at := b.holds[i].ReleaseAt; !at.IsZero() {
			l.s.releases.due(at)
		}
	}
	l.st.Note, l.dirty = nil, true
	l.work, l.cur, l.halving = nil, nil, false
}

func (l *lane) count(k string, n int) {
	if l.pend.Counts == nil {
		l.pend.Counts = map[string]int{}
	}
	l.pend.Counts[k] += n
}

// flush makes durable what was decided. What the queue did not take is offered
// again unchanged before anything newer: a settlement that only took too long
// may still happen, and must not happen twice.
func (l *lane) flush() bool {
	if l.stuck == nil {
		if !l.dirty && l.pend.Cursor == 0 && len(l.pend.Dead) == 0 && len(l.pend.Counts) == 0 {
			return true
		}
		p := l.pend
		p.State = l.st.encode()
		l.stuck, l.pend, l.dirty = &p, queue.Settlement{}, false
	}
	if err := l.s.o.Log.Settle(l.name, *l.stuck); err != nil {
		l.badDisk++
		l.settleErr = err
		l.settleFailed(err)
		return false
	}
	for k, n := range l.stuck.Counts {
		l.s.o.Metrics.Settled(l.name, k, n)
		l.settled(n)
	}
	l.stuck = nil
	if l.pend.Cursor == 0 {
		l.position = 0
	}
	if l.badDisk > 0 {
		l.log.Info("settling works again", "code", "settle_ok", "failures", l.badDisk)
		l.badDisk = 0
		return l.flush() // what came after it
	}
	return true
}

func (l *lane) settleFailed(err error) {
	if l.badDisk > 1 && time.Since(l.lastNoise) < 10*time.Minute {
		return
	}
	l.lastNoise = time.Now()
	if errors.Is(err, queue.ErrDeadFull) {
		l.log.Error("no room for more dead letters; the lane waits: retry, export or drop some, or raise queue.dead.max_size", "code", "dead_full", "waiting", len(l.stuck.Dead))
		return
	}
	l.log.Error("cannot make delivery durable; nothing is sent until it is", "code", "settle_failed", "error", err)
}

// sleep waits for d (below 0: for ever), for also, for a wake or for the end;
// it reports whether one of the last two came first. Everything decided is
// made durable first; as long as that fails, that is what it waits for, and
// the caller looks at everything again.
func (l *lane) sleep(ctx context.Context, d time.Duration, also <-chan struct{}) (woken bool) {
	if l.flush() {
		return l.wait(ctx, d, also)
	}
	for failed := true; failed; failed = !l.flush() {
		state := Storage
		if errors.Is(l.settleErr, queue.ErrDeadFull) {
			state = DeadFull
		}
		retry := backoff(l.badDisk, 2*time.Second, 30*time.Second, 1)
		l.show(state, time.Now().Add(retry))
		if l.wait(ctx, retry, nil) {
			break
		}
	}
	return true
}

func (l *lane) wait(ctx context.Context, d time.Duration, also <-chan struct{}) (woken bool) {
	if d == 0 {
		return ctx.Err() != nil
	}
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
		return true
	case <-l.kick:
		return true
	case <-after:
	case <-also:
	}
	return false
}

// storage waits after the queue failed to give.
func (l *lane) storage(ctx context.Context, what string, err error) {
	l.badRead++
	if l.badRead == 1 || time.Since(l.lastNoise) > 10*time.Minute {
		l.lastNoise = time.Now()
		l.log.Error("the queue does not answer", "code", "queue_failed", "while", what, "error", err)
	}
	d := backoff(l.badRead, time.Second, 30*time.Second, 1)
	l.show(Storage, time.Now().Add(d))
	l.wait(ctx, d, nil)
}
