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

// settleEvery is how often decisions without a request are stored.
const settleEvery = time.Second

// finish settles the current batch. If its dead letters do not fit into one settlement it
// settles them in several; if it must wait, the caller calls it again.
func (l *lane) finish(ctx context.Context) {
	b := l.work
	for len(b.Holds) > 0 {
		if l.forgetRunning() { // their records might be removed
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

// settleRange settles records. The next batch begins behind them.
func (l *lane) settleRange(r queue.Range) { l.settleAll([]queue.Range{r}, r.To) }

// settleAll settles records. The next batch begins at next.
func (l *lane) settleAll(rs []queue.Range, next queue.Seq) {
	l.Settle(rs, nil)
	l.position = next
}

// flushDelivered stores delivered records before letters are added, so that they do not
// wait if there is no space for letters. Invariant: no settlement has both.
func (l *lane) flushDelivered() {
	if !l.HasLetters() && (l.decided || l.HasSettled()) {
		l.flush()
	}
}

// storeHeld adds as many of the batch's held conversions as fit into one settlement.
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

// recordDecisions adds the decisions about the current batch to the next settlement.
func (l *lane) recordDecisions() {
	if l.decided {
		l.Settle(l.work.Settled())
		l.decided = false
	}
}

// flush stores every decision in the queue. It reports whether everything is stored.
func (l *lane) flush() bool {
	l.recordDecisions()
	if l.Clean() {
		return true
	}
	counts, err := l.Store()
	if errors.Is(err, queue.ErrFenced) { // another process delivers now, from what is stored
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
		return l.flush() // decisions made in the meantime
	}
	return true
}

// standDown ends the lane: another process delivers now.
func (l *lane) standDown() {
	l.show(Standby, time.Time{})
	l.cancel()
}

func (l *lane) settleFailed(err error) {
	if !l.shouldLog(l.BadStores) {
		return
	}
	if errors.Is(err, queue.ErrDeadFull) {
		l.log.Error("no space for more dead letters, so the lane waits: retry, export or drop some, or raise queue.dead_max_size", "code", logs.DeadFull, "waiting", l.OfferedLetters())
		return
	}
	l.log.Error("cannot store delivery progress; nothing is sent until that works", "code", logs.SettleFailed, "err", err)
}

// sleep flushes, then waits for d (below 0: for ever), for also, for a wake-up or for the
// end of ctx. It reports whether one of the last two came first. If flushing fails, sleep
// retries that until it succeeds or the lane is woken, and returns true, so that the caller
// starts over.
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
