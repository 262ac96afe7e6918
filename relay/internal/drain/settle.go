package drain

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/pace"
)

// Dead letters are settled in pieces, so that a bounded store with some room
// takes some of them; the rest waits for more room. What is settled without a
// request is stored once a second.
const (
	deadPiece   = 256 << 10 // bytes
	settleEvery = time.Second
)

// finish settles the batch at hand; or part of it, when its dead letters do not go
// into one settlement, and is then called again.
func (l *lane) finish(ctx context.Context) {
	b := l.work
	for len(b.Holds) > 0 {
		if l.forgetting() { // they are of records that may be gone
			l.sleep(ctx, forgetPoll, nil)
			return
		}
		l.apart()
		l.buryHeld(b)
		if len(b.Holds) > 0 {
			l.remember()
			if !l.flush() {
				l.sleep(ctx, 0, nil)
				return
			}
		}
	}
	l.settleRange(queue.Range{From: b.From, To: b.Next})
	l.last = b.Next
	for k, n := range b.Counts {
		l.count(k, n)
	}
	for code, n := range b.Notes {
		l.s.o.Metrics.Note(code, n)
		if code == mapper.NoteLocalTime {
			l.s.warnLocal(b.How.Mapping.Digest())
		}
	}
	l.st.Notes, l.dirty = nil, true
	l.work, l.cur, l.search.on, l.decided, l.search.reach = nil, nil, false, false, 0
	if l.st.Mapping == b.How.Mapping.Digest() {
		l.lookAgain()
	}
	if (deadBytes(l.pend.Dead) > deadPiece/2 || time.Since(l.flushed) > settleEvery) && !l.flush() {
		l.sleep(ctx, 0, nil)
	}
}

// settleRange settles records, and has the next batch begin behind them.
func (l *lane) settleRange(r queue.Range) {
	if n := len(l.pend.Settled); n > 0 && l.pend.Settled[n-1].To == r.From {
		l.pend.Settled[n-1].To = r.To
	} else {
		l.pend.Settled = append(l.pend.Settled, r)
	}
	l.position = r.To
}

// apart settles what was delivered before letters are added: should there be no room
// for them, it must not wait with them. Invariant: no settlement holds both.
func (l *lane) apart() {
	if len(l.pend.Dead) == 0 && (l.decided || len(l.pend.Settled)+len(l.pend.Parts) > 0) {
		l.flush()
	}
}

// buryHeld settles as many of the batch's held conversions as go into one piece.
func (l *lane) buryHeld(b *batch.Batch) {
	room := deadPiece - deadBytes(l.pend.Dead)
	n := 0
	for ; n < len(b.Holds); n++ {
		d := &b.Holds[n]
		size := deadSize(d)
		if room -= size; room < 0 && len(l.pend.Dead) > 0 {
			break
		}
		l.pend.Dead = append(l.pend.Dead, *d)
		l.count("dead:"+d.Reason, 1)
		if at := d.ReleaseAt; !at.IsZero() {
			l.s.releases.due(at)
		}
	}
	b.Bury(n)
}

// deadSize is about what a dead letter takes, before compression.
func deadSize(d *queue.DeadLetter) int { return len(d.Body) + len(d.Message) + 512 }

func deadBytes(ds []queue.DeadLetter) (n int) {
	for i := range ds {
		n += deadSize(&ds[i])
	}
	return n
}

func (l *lane) count(k string, n int) {
	if l.pend.Counts == nil {
		l.pend.Counts = map[string]int{}
	}
	l.pend.Counts[k] += n
}

// decide takes what of the batch at hand is decided into the next settlement.
func (l *lane) decide() {
	if l.decided {
		whole, parts := l.work.Settled()
		l.pend.Settled, l.pend.Parts = append(l.pend.Settled, whole...), append(l.pend.Parts, parts...)
		l.decided = false
	}
}

// flush makes durable what was decided. What the queue did not take is offered
// again, under its id, before anything newer: a settlement that only took too long
// may still happen, and does not happen twice.
func (l *lane) flush() bool {
	l.decide()
	if l.stuck == nil {
		if !l.dirty && len(l.pend.Settled) == 0 && len(l.pend.Dead) == 0 && len(l.pend.Counts) == 0 {
			return true
		}
		p := l.pend
		p.ID, p.Revision, p.State = rand.Uint64(), l.revision, l.st.encode()
		l.stuck, l.pend, l.dirty = &p, queue.Settlement{}, false
	}
	revision, err := l.s.o.Log.Settle(l.name, *l.stuck)
	for errors.Is(err, queue.ErrStale) { // what Meta has said is true of the lane as it is now, too
		st, _ := l.s.o.Log.Lane(l.name)
		l.stuck.Revision = st.Revision
		revision, err = l.s.o.Log.Settle(l.name, *l.stuck)
	}
	if err != nil {
		l.badDisk++
		l.settleErr = err
		l.settleFailed(err)
		return false
	}
	for k, n := range l.stuck.Counts {
		l.s.o.Metrics.Settled(l.name, k, n)
	}
	l.stuck, l.revision, l.flushed = nil, revision, time.Now()
	if len(l.pend.Settled) == 0 && !l.passed {
		l.position = 0
	}
	if l.badDisk > 0 {
		l.log.Info("settling works again", "code", logs.SettleOK, "failures", l.badDisk)
		l.badDisk = 0
		return l.flush() // what came after it
	}
	return true
}

// unsettled says, of a lane that has ended, that what it delivered is not on record.
func (l *lane) unsettled() error {
	if l.stuck == nil || errors.Is(l.settleErr, queue.ErrDeadFull) {
		return nil
	}
	return fmt.Errorf("event set %s cannot note on disk what it has delivered; try again when it can: %w", l.name, l.settleErr)
}

func (l *lane) settleFailed(err error) {
	if !l.saysAgain(l.badDisk) {
		return
	}
	if errors.Is(err, queue.ErrDeadFull) {
		l.log.Error("no room for more dead letters; the lane waits: retry, export or drop some, or raise queue.dead_max_size", "code", logs.DeadFull, "waiting", len(l.stuck.Dead))
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
		if errors.Is(l.settleErr, queue.ErrDeadFull) {
			state = DeadFull
		}
		retry := pace.Backoff(l.badDisk, 2*time.Second, 30*time.Second, 1)
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
	if l.saysAgain(l.badRead) {
		l.log.Error("the queue does not answer", "code", logs.QueueFailed, "while", what, "err", err)
	}
	d := pace.Backoff(l.badRead, time.Second, 30*time.Second, 1)
	l.show(Storage, time.Now().Add(d))
	l.wait(ctx, d, nil)
}
