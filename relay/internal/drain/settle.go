package drain

import (
	"context"
	"errors"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/pace"
)

// settleEvery is how often what is settled without a request is stored.
const settleEvery = time.Second

// finish settles the batch at hand; or part of it, when its dead letters do not go
// into one settlement, and is then called again.
func (l *lane) finish(ctx context.Context) {
	b := l.work
	for len(b.Holds) > 0 {
		if l.forgetRunning() { // they are of records that may be gone
			l.sleep(ctx, forgetPoll, nil)
			return
		}
		l.flushDelivered()
		l.storeHeld(b)
		if len(b.Holds) > 0 {
			l.updateIntent()
			if !l.flush() {
				l.sleep(ctx, 0, nil)
				return
			}
		}
	}
	l.settleAll(b.Ranges(), b.Next)
	l.last = b.Next
	for k, n := range b.Counts {
		l.Count(k, n)
	}
	for code, n := range b.Notes {
		l.s.o.Metrics.Note(code, n)
		if code == mapper.NoteLocalTime {
			l.s.warnLocal(b.How.Mapping.Digest())
		}
	}
	l.State.Notes, l.Dirty = nil, true
	l.work, l.attempt, l.search.on, l.decided, l.search.reach = nil, nil, false, false, 0
	if l.State.Mapping == b.How.Mapping.Digest() {
		l.rereadSkipped()
	}
	if (l.ShouldStore() || time.Since(l.StoredAt) > settleEvery) && !l.flush() {
		l.sleep(ctx, 0, nil)
	}
}

// settleRange settles records, and has the next batch begin behind them.
func (l *lane) settleRange(r queue.Range) { l.settleAll([]queue.Range{r}, r.To) }

// settleAll settles records, and has the next batch begin at next.
func (l *lane) settleAll(rs []queue.Range, next queue.Seq) {
	l.Settle(rs, nil)
	l.position = next
}

// apart settles what was delivered before letters are added: should there be no room
// for them, it must not wait with them. Invariant: no settlement holds both.
func (l *lane) flushDelivered() {
	if !l.HasLetters() && (l.decided || l.HasSettled()) {
		l.flush()
	}
}

// buryHeld settles as many of the batch's held conversions as go into one piece.
func (l *lane) storeHeld(b *batch.Batch) {
	n := 0
	for ; n < len(b.Holds) && l.HasRoomFor(&b.Holds[n]); n++ {
		d := &b.Holds[n]
		l.Letter(*d)
		if at := d.ReleaseAt; !at.IsZero() {
			l.s.releases.Due(at)
		}
	}
	b.Bury(n)
}

// decide takes what of the batch at hand is decided into the next settlement.
func (l *lane) recordDecisions() {
	if l.decided {
		l.Settle(l.work.Settled())
		l.decided = false
	}
}

// flush makes durable what was decided.
func (l *lane) flush() bool {
	l.recordDecisions()
	if l.Clean() {
		return true
	}
	counts, err := l.Store()
	if errors.Is(err, queue.ErrFenced) { // the one that delivers goes on from what is stored
		l.Discard()
		l.standDown()
		return false
	}
	if err != nil {
		l.settleFailed(err)
		return false
	}
	for k, n := range counts {
		l.s.o.Metrics.Settled(l.name, k, n)
	}
	if !l.HasSettled() && !l.skipped {
		l.position = 0
	}
	if l.BadStores > 0 {
		l.log.Info("settling works again", "code", logs.SettleOK, "failures", l.BadStores)
		l.BadStores = 0
		return l.flush() // what came after it
	}
	return true
}

// yield ends the lane: another process delivers by now.
func (l *lane) standDown() {
	l.show(Standby, time.Time{})
	l.cancel()
}

func (l *lane) settleFailed(err error) {
	if !l.shouldLog(l.BadStores) {
		return
	}
	if errors.Is(err, queue.ErrDeadFull) {
		l.log.Error("no room for more dead letters; the lane waits: retry, export or drop some, or raise queue.dead_max_size", "code", logs.DeadFull, "waiting", l.OfferedLetters())
		return
	}
	l.log.Error("cannot make delivery durable; nothing is sent until it is", "code", logs.SettleFailed, "err", err)
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
		if l.LettersFull() {
			state = DeadFull
		}
		retry := pace.Backoff(l.BadStores, 2*time.Second, 30*time.Second, 1)
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
	case <-l.wakeup:
		return true
	case <-after:
	case <-also:
	}
	return false
}

// storage waits after the queue failed to give.
func (l *lane) readFailed(ctx context.Context, what string, err error) {
	l.badRead++
	if l.shouldLog(l.badRead) {
		l.log.Error("the queue does not answer", "code", logs.QueueFailed, "while", what, "err", err)
	}
	d := pace.Backoff(l.badRead, time.Second, 30*time.Second, 1)
	l.show(Storage, time.Now().Add(d))
	l.wait(ctx, d, nil)
}
