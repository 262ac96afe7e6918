package drain

import (
	"cmp"
	"context"
	"time"

	"relay/mapper"
	"relay/relay/internal/graph"
)

// attempt is a request at hand. It is kept, bytes and all, until its fate is
// known; then the next one is picked.
type attempt struct {
	lo, hi int
	open   []int // the items in it
	req    graph.Request
	hash   string
	probe  bool // a single event, to find out whether the breaker may close
	noted  bool // the durable state names it
	doubt  bool // an earlier attempt of it may have been stored by Meta
	asked  bool // that attempt had no readable answer: the next is an ambiguous resend
}

func newAttempt(lane string, b *batch, lo, hi int, open []int) *attempt {
	a := &attempt{lo: lo, hi: hi, open: open}
	a.req, a.hash = b.request(lane, open)
	return a
}

// send makes one attempt: note it, send it, act on the answer.
func (l *lane) send(ctx context.Context) {
	a, acct := l.cur, l.acct
	if !acct.claim(l.settings().ProbeInterval) {
		return
	}
	if !l.notify(a) {
		l.sleep(ctx, 0, nil)
		return
	}
	if ctx.Err() != nil {
		return
	}
	l.announce(a)
	l.show(Sending, time.Time{})
	if a.asked {
		l.s.o.Metrics.AmbiguousResend(l.name, len(a.open))
		l.log.Info("sending a request of unknown fate again, unchanged", "code", "ambiguous_resend", "events", len(a.open), "request", a.hash)
	}
	l.prefetch()
	sctx, cancel := graceful(ctx, l.s.o.Grace)
	began := time.Now()
	r := l.s.o.Sender.Send(sctx, a.req)
	ended := sctx.Err() != nil
	cancel()
	if r.Elapsed == 0 {
		r.Elapsed = time.Since(began)
	}
	l.s.o.Metrics.Attempt(l.name, r, len(a.open))
	l.s.observe(r)
	if ended && (r.Class == graph.Doubt || r.Class == graph.Retry) {
		return // stopped, not failed: the note stands, nothing is counted
	}
	l.pace.told(r.Usage)
	l.s.o.Metrics.Usage(l.name, r.Usage)
	l.settle(ctx, a, acct, r)
}

// notify makes the state durable that names the attempt, together with all
// that was decided before; a repetition of what is noted needs no write.
func (l *lane) notify(a *attempt) bool {
	if a.noted && !l.dirty && l.stuck == nil && l.pend.Cursor == 0 && len(l.pend.Counts) == 0 {
		return true
	}
	at, _ := l.s.clock.now()
	n := l.work.note(a.lo, a.hi, a.hash, at)
	n.Doubt = true
	l.st.Note, l.dirty = n, true
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

// announce says in the log that real uploads begin.
func (l *lane) announce(a *attempt) {
	if l.st.Announced || l.announced {
		return
	}
	l.announced = true
	attrs := []any{"code", "first_upload", "api", a.req.API, "upload_tag", a.req.UploadTag, "events", len(a.open)}
	if a.req.TestEventCode != "" {
		// Not a sandbox: such events count (facts: meta-wire 8.1).
		attrs = append(attrs, "test_event_code", true)
	}
	l.log.Info("first real upload to this event set", attrs...)
}

// settle acts on an answer.
func (l *lane) settle(ctx context.Context, a *attempt, acct *account, r graph.Result) {
	class := r.Class
	if class == graph.NotApplicable {
		// About something relay does not do, so no event can be blamed for
		// certain; Meta's code 100 is about the content of the request.
		if class = graph.ConfigPause; r.Code == 100 {
			class = graph.InvalidBatch
		}
	}
	switch class {
	case graph.Delivered, graph.Duplicate:
		l.delivered(a, r)
		l.well(acct, r)
		return
	}
	l.said(r)
	switch class {
	case graph.Retry, graph.Doubt:
		l.failed(a, r)
	case graph.Throttle:
		l.throttled(a, r)
	case graph.TokenPause:
		l.unsent(a)
		if acct.pause(r, l.settings().ProbeInterval) {
			l.log.Error("the access token is refused; all event sets that use it are paused", l.answer("token_paused", r)...)
		}
		l.s.wakeAll(Changed) // the others show it at once
	case graph.PermPause:
		l.unsent(a)
		l.stop(PausedPermission, "permission_paused", "no permission to write to this event set; it is paused", r)
	case graph.ConfigPause:
		// An earlier attempt of unknown fate would have been refused for the
		// same reason, so a mapping that cures it may be used.
		a.doubt, a.asked = false, false
		l.unsent(a)
		l.stop(PausedConfig, "config_paused", "Meta does not accept uploads to this event set as they are set up; it is paused", r)
	case graph.InvalidEvent, graph.InvalidBatch:
		l.tokenWorks(acct)
		l.refused(a, r)
	default:
		l.failed(a, r)
	}
	if !l.flush() {
		l.sleep(ctx, 0, nil)
	}
}

// delivered marks the request's conversions as accepted.
func (l *lane) delivered(a *attempt, r graph.Result) {
	b := l.work
	at, _ := l.s.clock.now()
	names := make(map[string]int, 8)
	oldest := time.Time{}
	for _, i := range a.open {
		b.items[i].tries++
		names[b.items[i].out.Name]++
		if t := b.recs[b.items[i].rec].Received; oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
	}
	if l.s.o.Delivered != nil {
		l.s.o.Delivered(l.delivery(a, r, at))
	}
	for name, n := range names {
		l.s.o.Metrics.Delivered(l.name, name, n)
	}
	l.s.o.Metrics.Lag(l.name, oldest, at)
	b.accept(a.hi, a.open)
	l.count("delivered", len(a.open))
	l.st.Streak = 0
	l.remember() // the rest of the batch may be open: a crash must not send this again
	l.cur = nil
	l.mu.Lock()
	l.view_.LastSuccess = at
	l.mu.Unlock()
	if r.Warning != "" && r.Warning != l.warned {
		l.warned = r.Warning
		l.log.Warn("Meta warns", "code", "meta_warning", "message", r.Warning)
	}
}

func (l *lane) delivery(a *attempt, r graph.Result, at time.Time) Delivery {
	b := l.work
	d := Delivery{EventSet: l.name, API: a.req.API, Request: a.hash, FBTraceID: r.FBTraceID, Mapping: b.how.m.Digest(),
		At: at, Ambiguous: a.asked, Items: make([]Delivered, len(a.open))}
	for n, i := range a.open {
		o := &b.items[i].out
		d.Items[n] = Delivered{MessageID: o.MessageID, OrderID: o.OrderID, Event: o.Event, Name: o.Name, List: o.List,
			EventTime: o.EventTime, Received: b.recs[b.items[i].rec].Received}
	}
	return d
}

// well takes success into account: pauses end, the backoff shrinks, the next
// request is paced.
func (l *lane) well(acct *account, r graph.Result) {
	l.tokenWorks(acct)
	if l.pause != "" {
		if l.pause == BreakerOpen {
			l.closeBreaker()
		} else {
			l.log.Info("event set takes uploads again", "code", "lane_recovered", "was", l.pause)
		}
		l.pause = ""
	}
	perSecond := l.settings().RequestsPerSecond
	l.pace.succeeded(perSecond)
	if l.st.Failures > 0 || l.st.Throttle > 0 {
		if l.steady == 0 {
			l.log.Info("delivering again", "code", "recovered", "failures", l.st.Failures)
			l.pace.recovered(perSecond)
		}
		// Forgotten after three successes in a row; until then a relapse
		// waits nearly as long as before.
		if l.steady++; l.steady >= 3 {
			l.st.Failures, l.st.Throttle = 0, 0
		}
	}
	l.st.Next, l.st.Wait = time.Time{}, 0
	l.notBefore, l.waitFor = time.Time{}, ""
	if w := l.pace.wait(perSecond, l.s.o.Rand()); w > 0 {
		l.paceUntil = time.Now().Add(w)
	}
	if !l.st.Announced {
		l.st.Announced, l.dirty = true, true
	}
}

func (l *lane) tokenWorks(acct *account) {
	if acct.works() {
		l.log.Info("the access token is accepted again", "code", "token_resumed")
		l.s.wakeAll(Changed)
	}
}

// failed waits after an error that passes; the request stays as it is.
func (l *lane) failed(a *attempt, r graph.Result) {
	if r.Class == graph.Doubt {
		a.asked = true
	}
	// What never left is not in doubt. What was answered with an error that
	// passes may have been stored all the same (facts: meta-wire 10.10).
	if a.doubt = a.doubt || a.asked || r.HTTPStatus != 0; !a.doubt {
		l.unsent(a)
	} else {
		for _, i := range a.open {
			l.work.items[i].tries++
		}
	}
	set := l.settings()
	l.steady = 0
	l.st.Failures++
	d := max(backoff(l.st.Failures, set.MinInterval, set.MaxInterval, l.s.o.Rand()), min(r.RetryAfter, time.Hour))
	l.waitUntil(d, WaitingRetry)
	if l.st.Failures == 1 || time.Since(l.lastNoise) >= 10*time.Minute {
		l.lastNoise = time.Now()
		l.log.Warn("upload failed, trying again", append(l.answer("retrying", r), "failures", l.st.Failures, "in_doubt", a.doubt)...)
	}
}

func (l *lane) throttled(a *attempt, r graph.Result) {
	l.unsent(a)
	l.steady = 0
	l.st.Throttle++
	d := throttleWait(r, l.st.Throttle, l.settings().ProbeInterval, l.s.o.Rand())
	l.waitUntil(d, Throttled)
	l.log.Warn("throttled by Meta", append(l.answer("throttled", r), "wait", d.Round(time.Second).String(), "usage_percent", r.Usage)...)
}

// waitUntil sets the next attempt, durably.
func (l *lane) waitUntil(d time.Duration, why State) {
	l.notBefore, l.waitFor = time.Now().Add(d), why
	at, _ := l.s.clock.now()
	l.st.Next, l.st.Wait, l.dirty = at.Add(d), d, true
}

// unsent takes back the note of an attempt that Meta certainly did not take;
// an older one of the same data may still be in doubt.
func (l *lane) unsent(a *attempt) {
	if a.doubt {
		return
	}
	l.remember()
	a.noted = false
}

// remember notes what of the batch is decided, with no request in doubt.
func (l *lane) remember() {
	l.st.Note, l.dirty = nil, true
	if b := l.work; b.done.any() {
		at, _ := l.s.clock.now()
		l.st.Note = b.note(0, 0, "", at)
	}
}

// stop pauses the lane until a person acts, or the probe finds it well.
func (l *lane) stop(why State, code, words string, r graph.Result) {
	l.probeAt = time.Now().Add(l.settings().ProbeInterval)
	if l.pause == why {
		return
	}
	l.pause = why
	l.log.Error(words, l.answer(code, r)...)
}

// answer is what a log line says of an answer.
func (l *lane) answer(code string, r graph.Result) []any {
	return []any{"code", code, "class", r.Class.String(), "status", r.HTTPStatus, "meta_code", r.Code, "meta_subcode", r.Subcode,
		"message", r.Message, "fbtrace_id", r.FBTraceID, "advice", advice(r)}
}

// Reasons of Meta's that have a name of ours.
const (
	codeInvalid   = 100
	subcodeOld    = 2804003
	subcodeFuture = 2804004
)

// refused finds the bad events of a refused request, or narrows the search.
func (l *lane) refused(a *attempt, r graph.Result) {
	b := l.work
	for _, i := range a.open {
		b.items[i].tries++
	}
	a.doubt, a.asked = false, false
	l.st.Failures, l.st.Throttle = 0, 0
	l.cur, l.dirty = nil, true
	switch {
	case a.probe:
		b.stack = b.stack[:len(b.stack)-1]
		l.probeAt = time.Now().Add(l.settings().ProbeInterval)
	case l.outgrown(a, r):
		l.remap() // became older than a week on the way: regroup
	case len(a.open) == 1:
		code, subcode, words := r.Code, r.Subcode, r.Message
		if len(r.Bad) == 1 {
			code, subcode, words = inner(r.Bad[0], r)
		}
		l.bad(a.open[0], code, subcode, words, r)
	case l.named(a, r):
	default:
		b.refuse(a.lo, a.hi)
		if r.Code == codeInvalid && r.Subcode == subcodeOld && b.isOld(a.open[0]) && b.firstOld(a.open[0]) {
			b.try(a.open[0], a.open[0]+1) // the youngest: refused, it decides for all
		}
	}
	l.remember()
}

// outgrown says whether a request was refused for age that holds events which
// turned a week old since they were grouped.
func (l *lane) outgrown(a *attempt, r graph.Result) bool {
	if r.Code != codeInvalid || r.Subcode != subcodeOld || l.work.isOld(a.open[0]) {
		return false
	}
	now, _ := l.s.clock.now()
	for _, i := range a.open {
		if now.Sub(l.work.items[i].out.EventTime) > youngAge {
			return true
		}
	}
	return false
}

// named uses the indexes that the answer gave. Those of the offline format are
// believed; those of the other are read out of a text (facts: meta-wire 6.2)
// and tried alone first.
func (l *lane) named(a *attempt, r graph.Result) bool {
	b, any := l.work, false
	last := -1
	for _, bad := range r.Bad {
		if bad.Index < 0 || bad.Index >= len(a.open) || l.pause == BreakerOpen {
			continue
		}
		i := a.open[bad.Index]
		if b.done.has(b.items[i].slot) {
			continue
		}
		if !any {
			b.refuse(a.lo, a.hi)
		}
		any = true
		if a.req.API != mapper.Offline {
			b.try(i, i+1)
			continue
		}
		if bad.Index != last+1 {
			l.st.Streak = 0 // there is one in between that is not blamed
		}
		last = bad.Index
		code, subcode, words := inner(bad, r)
		l.bad(i, code, subcode, words, r)
	}
	return any
}

// inner is what an answer says of one event, or else of the request.
func inner(bad graph.BadEvent, r graph.Result) (code, subcode int, words string) {
	code, subcode = bad.Code, bad.Subcode
	if code == 0 && subcode == 0 {
		code, subcode = r.Code, r.Subcode
	}
	return code, subcode, cmp.Or(bad.Message, r.Message)
}

// bad makes a dead letter of one refused conversion.
func (l *lane) bad(i, code, subcode int, words string, r graph.Result) {
	b := l.work
	it := &b.items[i]
	reason := mapper.ReasonRejected
	switch {
	case code == subcodeOld, code == codeInvalid && subcode == subcodeOld:
		reason = mapper.ReasonExpired
	case code == subcodeFuture, code == codeInvalid && subcode == subcodeFuture:
		reason = mapper.ReasonFuture
	}
	bury := func(i int, words string) {
		it := &b.items[i]
		d := b.letter(l.name, int(it.rec), it.out, reason, words)
		d.Code, d.Subcode, d.FBTraceID, d.Attempts = code, subcode, r.FBTraceID, it.tries
		d.DeadAt, _ = l.s.clock.now()
		if reason == mapper.ReasonFuture {
			d.ReleaseAt = it.out.EventTime
			if soon := d.DeadAt.Add(time.Minute); d.ReleaseAt.Before(soon) {
				d.ReleaseAt = soon
			}
			l.s.releases.due(d.ReleaseAt)
		}
		l.pend.Dead = append(l.pend.Dead, d)
		l.count("dead:"+reason, 1)
		b.kill(i)
	}
	old := b.isOld(i)
	bury(i, words)
	if reason == mapper.ReasonExpired && old {
		// All behind it in its group are older still.
		n := 1
		for j := i + 1; j < len(b.items) && b.items[j].group == it.group; j++ {
			if !b.done.has(b.items[j].slot) {
				bury(j, "older than an event that Meta refused for its age: "+words)
				n++
			}
		}
		l.log.Warn("Meta refuses these events for their age; they are dead letters", append(l.answer("expired", r), "events", n)...)
		return
	}
	l.log.Warn("Meta refused an event; it is a dead letter", append(l.answer("rejected", r), "reason", reason, "event_code", code, "event_subcode", subcode)...)
	if reason != mapper.ReasonRejected {
		return
	}
	l.st.Streak++
	if set := l.settings(); l.st.Streak >= set.BreakerAfter && l.pause != BreakerOpen {
		l.st.Breaker = true
		l.pause, l.probeAt = BreakerOpen, time.Now().Add(set.ProbeInterval)
		l.log.Error("everything is refused: the event set is paused and the rest is kept; look at the mapping",
			append(l.answer("breaker_open", r), "refused_in_a_row", l.st.Streak)...)
	}
}
