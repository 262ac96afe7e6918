package drain

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/internal/meta"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/graph"
)

// attempt is a request at hand. It is kept, bytes and all, until its fate is
// known or it is taken apart; then the next one is picked.
type attempt struct {
	lo, hi     int
	open       []int // the items in it
	req        graph.Request
	hash       string
	probe      bool      // a single event, to find out whether a pause may end
	noted      bool      // the durable state names it
	doubt      bool      // some of it may have been stored by Meta
	unanswered bool      // and a request with that had no readable answer: the next is an ambiguous resend
	since      time.Time // of the first answer that said to try again
	answers    int       // answers that said so
}

func newAttempt(lane string, b *batch.Batch, lo, hi int, open []int) *attempt {
	a := &attempt{lo: lo, hi: hi, open: open}
	a.req, a.hash = b.Request(lane, open)
	for _, i := range open {
		a.doubt = a.doubt || b.Items[i].Doubt
		a.unanswered = a.unanswered || b.Items[i].Unanswered
	}
	return a
}

// size is about how many bytes its data has.
func (a *attempt) size() (n int64) {
	for _, d := range a.req.Data {
		n += int64(len(d)) + 1
	}
	return n
}

// send makes one attempt: note it, send it, act on the answer.
func (l *lane) send(ctx context.Context) {
	a, acct := l.attempt, l.acct
	if !acct.Claim(l.settings().ProbeInterval) {
		return
	}
	l.prefetch() // before the disk is waited for
	if !l.storeIntent(a) {
		l.sleep(ctx, 0, nil)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if l.s.o.Mine != nil && !l.s.o.Mine() {
		l.standDown()
		return
	}
	sctx, cancel := graceful(ctx, l.s.o.Grace)
	defer cancel()
	if !l.s.inFlight.start(l, cancel) {
		return
	}
	rest := l.exchange(sctx, ctx, a, acct)
	cancel()
	l.s.inFlight.finish(l) // now that the answer is acted on, and before anything is waited for
	if rest >= 0 {
		l.sleep(ctx, rest, nil)
	}
}

// fly sends the request and acts on the answer. It says how long to rest then, as
// apply does.
func (l *lane) exchange(sctx, ctx context.Context, a *attempt, acct *pace.Account) (rest time.Duration) {
	l.logFirstUpload(a)
	l.show(Sending, time.Time{})
	if a.unanswered {
		l.s.o.Metrics.AmbiguousResend(l.name, len(a.open))
		l.log.Info("sending events of unknown fate again, unchanged", "code", logs.AmbiguousResend, "events", len(a.open), "request", a.hash)
		l.warnOverdue(a)
	}
	began := time.Now()
	r := l.s.o.Sender.Send(sctx, a.req)
	ended := sctx.Err() != nil
	if r.Elapsed == 0 {
		r.Elapsed = time.Since(began)
	}
	l.s.o.Metrics.Attempt(l.name, r, len(a.open))
	l.s.observe(r)
	if ended && (r.Class == graph.Doubt || r.Class == graph.Retry) {
		// Stopped, not failed: the note stands, nothing is counted.
		if ctx.Err() == nil { // by a forget: what is in doubt is made again from the note
			l.reread()
		}
		return -1
	}
	l.pace.Told(r.Usage)
	l.s.o.Metrics.Usage(l.name, r.Usage)
	return l.apply(a, acct, r)
}

// overdue counts what is sent again when Meta does not know it any more: it will
// count twice if it was stored.
func (l *lane) warnOverdue(a *attempt) {
	now, _ := l.s.clock.Now()
	n := 0
	for _, i := range a.open {
		if it := &l.work.Items[i]; it.Unanswered && now.Sub(it.Since) > meta.DedupWindow {
			it.Since = now // said once in that time
			n++
		}
	}
	if n > 0 {
		l.Count("doubt_expired", n)
		l.log.Warn("events of unknown fate are sent again after more than a week: if Meta has stored them, they count twice",
			"code", logs.DoubtExpired, "events", n)
	}
}

// notify makes the state durable that names the attempt, together with all
// that was decided before; a repetition of what is noted needs no write.
func (l *lane) storeIntent(a *attempt) bool {
	if a.noted && l.Clean() {
		return true
	}
	at, _ := l.s.clock.Now()
	l.State.Notes, l.Dirty = l.work.Doubtful(a.open, at), true
	a.noted = l.flush()
	return a.noted
}

// graceful is a context for one attempt: it outlives ctx by grace.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	sctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-sctx.Done():
		}
	})
	return sctx, func() { stop(); cancel() }
}
