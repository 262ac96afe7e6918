package drain

import (
	"slices"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/graph"
)

// apply acts on an answer. It returns how long to wait then; below 0: not at all.
func (l *lane) apply(a *attempt, acct *pace.Account, r graph.Result) (rest time.Duration) {
	class := r.Class
	l.idle = class == graph.TokenPause || class == graph.Retry && r.HTTPStatus == 0 && r.Upload == graph.UploadNone
	if class == graph.NotApplicable {
		// The error is about a call that relay never makes, so no event is certainly to
		// blame; except that code 100 is about the content of the request.
		if class = graph.ConfigPause; r.Code == 100 {
			class = graph.InvalidBatch
		}
	}
	switch class {
	case graph.Delivered, graph.Duplicate:
		l.delivered(a, r)
		l.succeeded(acct, r)
		return -1
	}
	l.recordProblem(r)
	if (class == graph.InvalidEvent || class == graph.InvalidBatch) && l.forgetRunning() {
		return forgetPoll // the event might be removed: make no letter, send the rest again
	}
	switch class {
	case graph.Retry, graph.Doubt, graph.TooMuch:
		l.failed(a, r)
	case graph.Throttle:
		l.throttled(a, r)
	case graph.TokenPause:
		l.clearIntent(a)
		if acct.Pause(l.settings().ProbeInterval) {
			l.log.Error("the access token was refused; all event sets that use it are paused", l.answerAttrs(logs.TokenPaused, r)...)
		}
		l.s.wakeAll(Changed) // the others show it at once
	case graph.PermPause:
		l.clearIntent(a)
		if l.pauseFor(PausedPermission, l.settings().ProbeInterval) {
			l.log.Error("no permission to write to this event set; it is paused", l.answerAttrs(logs.PermissionPaused, r)...)
		}
	case graph.ConfigPause:
		l.clearIntent(a)
		if l.pauseFor(PausedConfig, l.settings().ProbeInterval) {
			l.log.Error("uploads to this event set were refused because of the settings; it is paused", l.answerAttrs(logs.ConfigPaused, r)...)
		}
	case graph.InvalidEvent, graph.InvalidBatch:
		l.tokenAccepted(acct)
		l.refused(a, r)
	default:
		l.failed(a, r)
	}
	if !l.flush() {
		return 0
	}
	return -1
}

// delivered marks the request's conversions as accepted.
func (l *lane) delivered(a *attempt, r graph.Result) {
	b := l.work
	at, _ := l.s.clock.Now()
	names := make(map[string]int, 8)
	oldest := time.Time{}
	for _, i := range a.open {
		b.Items[i].Tries++
		names[b.Items[i].Out.Name]++
		l.s.o.Metrics.MatchKeys(l.name, b.Items[i].Out.Keys)
		if t := l.s.Received(&b.Records[b.Items[i].Rec]); oldest.IsZero() || t.Before(oldest) {
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
	l.countTag(a.req.UploadTag, at)
	b.Accept(a.hi, a.open)
	l.clearSuspects(a.open)
	l.heldBack = 0
	if d := b.How.Mapping.Digest(); l.State.Mapping != d && slices.ContainsFunc(a.open, func(i int) bool { return b.Items[i].How.Mapping.Digest() == d }) {
		l.State.Mapping, l.Dirty = d, true
	}
	l.requestAccepted(at)
	b.Limits.Bytes = l.limits().Bytes
	l.Count("delivered", len(a.open))
	l.State.Streak = 0
	l.updateIntent()
	l.attempt = nil
	if l.isNewWarning(r.Warning) {
		l.log.Warn("warning from Meta", "code", logs.MetaWarning, "message", r.Warning)
	}
}

// requestAccepted records that Meta or the hub accepted a request.
func (l *lane) requestAccepted(at time.Time) {
	l.State.Size = l.fit.Passed(l.State.Size, l.settings().MaxBytes)
	l.State.Next, l.State.Wait = time.Time{}, 0
	l.clearDelay()
	l.mu.Lock()
	l.shown.LastSuccess = at
	l.mu.Unlock()
}

func (l *lane) delivery(a *attempt, r graph.Result, at time.Time) Delivery {
	b := l.work
	d := Delivery{
		EventSet: l.name, API: a.req.API, Request: a.hash, FBTraceID: r.FBTraceID, Mapping: b.How.Mapping.Digest(),
		At: at, Ambiguous: a.unanswered, Items: make([]Delivered, 0, len(a.open)),
	}
	gone := l.removedRecords()
	for _, i := range a.open {
		o := &b.Items[i].Out
		rec := &b.Records[b.Items[i].Rec]
		if gone[rec.Seq] {
			continue // a forget has removed it: keep nothing
		}
		d.Items = append(d.Items, Delivered{
			MessageID: o.MessageID, OrderID: o.OrderID, Event: o.Event, Name: o.Name, List: o.List,
			EventTime: o.EventTime, Received: l.s.Received(rec), People: o.People, Body: rec.Body,
		})
	}
	return d
}

// succeeded updates the gate after an accepted request: it ends a pause, shrinks the
// backoff and spaces out the next request.
func (l *lane) succeeded(acct *pace.Account, r graph.Result) {
	l.tokenAccepted(acct)
	if l.pause != "" {
		if l.pause == BreakerOpen {
			l.closeBreaker()
		} else {
			l.log.Info("the event set accepts uploads again", "code", logs.LaneRecovered, "was", l.pause)
		}
		l.unpause()
	}
	perSecond := l.settings().RequestsPerSecond
	l.pace.Succeeded(perSecond)
	if l.State.Failures > 0 || l.State.Throttle > 0 {
		if l.steady == 0 {
			l.log.Info("delivering again", "code", logs.Recovered, "failures", l.State.Failures)
			l.pace.Recovered(perSecond)
		}
		// Failures are reset after three successes in a row. Until then, another failure
		// waits nearly as long as before.
		if l.steady++; l.steady >= 3 {
			l.State.Failures, l.State.Throttle = 0, 0
		}
	}
	l.spaceOut(perSecond, l.s.o.Rand())
	if !l.State.Announced {
		l.State.Announced, l.Dirty = true, true
	}
}

func (l *lane) tokenAccepted(acct *pace.Account) {
	if acct.Works() {
		l.log.Info("the access token is accepted again", "code", logs.TokenResumed)
		l.s.wakeAll(Changed)
	}
}

// failed waits after a temporary error; the request stays as it is.
func (l *lane) failed(a *attempt, r graph.Result) {
	b := l.work
	// A request that was not sent completely is not in doubt. One that was answered with a
	// temporary error is: Meta might have stored it all the same (docs/meta.md 10.10).
	if r.Class == graph.Doubt || r.HTTPStatus != 0 && r.Upload != graph.UploadPart {
		for _, i := range a.open {
			it := &b.Items[i]
			it.Tries++
			it.Doubt, it.Unanswered = true, it.Unanswered || r.Class == graph.Doubt
		}
		a.doubt, a.unanswered = true, a.unanswered || r.Class == graph.Doubt
	} else {
		l.clearIntent(a)
	}
	if l.pause != "" { // it was a probe
		l.probeAt = time.Now().Add(l.settings().ProbeInterval)
	}
	if size := l.fit.Failed(r, a.size()); size > 0 && size < a.size() && len(a.open) > 1 {
		l.shrinkRequests(size)
	} else {
		l.suspect(a, r)
	}
	l.steady = 0
	l.State.Failures++
	d := max(l.backoff(l.State.Failures), min(r.RetryAfter, time.Hour))
	l.waitUntil(d, WaitingRetry)
	if l.shouldLog(l.State.Failures) {
		l.log.Warn("upload failed, trying again", append(l.answerAttrs(logs.Retrying, r), "failures", l.State.Failures, "in_doubt", a.doubt)...)
	}
}

// shrinkRequests cuts the undecided conversions into requests of at most size bytes.
func (l *lane) shrinkRequests(size int64) {
	l.State.Size, l.Dirty = size, true
	l.work.Limits.Bytes = l.limits().Bytes
	l.work.Cut()
	l.attempt, l.search.on = nil, false
}

func (l *lane) throttled(a *attempt, r graph.Result) {
	l.clearIntent(a)
	l.steady = 0
	l.State.Throttle++
	d := pace.ThrottleWait(r, l.State.Throttle, l.settings().ProbeInterval, l.s.o.Rand())
	l.waitUntil(d, Throttled)
	l.log.Warn("throttled by Meta", append(l.answerAttrs(logs.Throttled, r), "wait", d.Round(time.Second).String(), "usage_percent", r.Usage)...)
}

// backoff returns how long to wait after a number of failures in a row.
func (l *lane) backoff(failures int) time.Duration {
	set := l.settings()
	return pace.Backoff(failures, set.MinInterval, set.MaxInterval, l.s.o.Rand())
}

// waitUntil delays the next attempt by d, and stores that.
func (l *lane) waitUntil(d time.Duration, why State) {
	l.delay(d, why)
	at, _ := l.s.clock.Now()
	l.State.Next, l.State.Wait, l.Dirty = at.Add(d), d, true
}

// clearIntent removes the intent of a request that Meta certainly did not store.
// Conversions in doubt because of an earlier request stay noted.
func (l *lane) clearIntent(a *attempt) {
	if slices.ContainsFunc(a.open, func(i int) bool { return !l.work.Items[i].Doubt }) {
		l.updateIntent()
		a.noted = false
	}
}

// updateIntent sets the notes to the conversions in doubt, as no request is in flight,
// and marks the batch's decisions for the next write, since the rest can take long.
func (l *lane) updateIntent() {
	if l.work == nil { // the batch will be read again
		return
	}
	l.State.Notes, l.Dirty, l.decided = l.work.Intent(nil, time.Time{}), true, true
}
