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

// attempt is the current request. It is kept with its bytes until its outcome is known or
// it is split.
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

// size returns the approximate size of the request's data in bytes.
func (a *attempt) size() (n int64) {
	for _, d := range a.req.Data {
		n += int64(len(d)) + 1
	}
	return n
}

// send makes one attempt: it stores the intent, sends the request and acts on the answer.
func (l *lane) send(ctx context.Context) {
	a, acct := l.attempt, l.acct
	if !acct.Claim(l.settings().ProbeInterval) {
		return
	}
	l.prefetch() // it works while storeIntent waits for the disk
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
	l.s.inFlight.finish(l) // after the answer was acted on, and before any wait
	if rest >= 0 {
		l.sleep(ctx, rest, nil)
	}
}

// exchange sends the request and acts on the answer. It returns how long to wait then, as
// apply does.
func (l *lane) exchange(sctx, ctx context.Context, a *attempt, acct *pace.Account) (rest time.Duration) {
	l.logFirstUpload(a)
	l.show(Sending, time.Time{})
	if a.unanswered {
		l.s.o.Metrics.AmbiguousResend(l.name, len(a.open))
		l.log.Info("sending events with an unknown outcome again, unchanged", "code", logs.AmbiguousResend, "events", len(a.open), "request", a.hash)
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
		// The request was stopped, it did not fail: the intent stays, nothing is counted.
		if ctx.Err() == nil { // stopped by a forget: make what is in doubt again from the notes
			l.reread()
		}
		return -1
	}
	l.pace.SetUsage(r.Usage)
	l.s.o.Metrics.Usage(l.name, r.Usage)
	return l.apply(a, acct, r)
}

// warnOverdue logs and counts events that are sent again after Meta's de-duplication
// window: if Meta stored them, they count twice.
func (l *lane) warnOverdue(a *attempt) {
	now, _ := l.s.clock.Now()
	n := 0
	for _, i := range a.open {
		if it := &l.work.Items[i]; it.Unanswered && now.Sub(it.Since) > meta.DedupWindow {
			it.Since = now // warn once in each window
			n++
		}
	}
	if n > 0 {
		l.Count("doubt_expired", n)
		l.log.Warn("events with an unknown outcome are sent again after more than a week: if Meta stored them, they count twice",
			"code", logs.DoubtExpired, "events", n)
	}
}

// storeIntent stores which conversions the request has, together with every earlier
// decision. A repeated request needs no new write.
func (l *lane) storeIntent(a *attempt) bool {
	if a.noted && l.Clean() {
		return true
	}
	at, _ := l.s.clock.Now()
	l.State.Notes, l.Dirty = l.work.Intent(a.open, at), true
	a.noted = l.flush()
	return a.noted
}

// graceful returns a context for one attempt. It ends grace after ctx does.
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
