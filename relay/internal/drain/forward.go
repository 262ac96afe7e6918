package drain

import (
	"context"
	"net/http"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/clock"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/graph"
	"relay/relay/internal/track"
)

// Forwarder sends records of a lane to a hub. If the class of the result is graph.Delivered,
// the hub has those before end; forgotten are the ones among them that the hub did not store
// because a forget applies to them. *forward.Client implements it. A record is always sent
// with the same bytes, and the hub recognizes it by its number, so doubt needs no note.
type Forwarder interface {
	Forward(ctx context.Context, lane string, b queue.Batch, waiting int64) (end queue.Seq, forgotten []queue.Seq, r graph.Result)
}

// forwards reports whether the lane is forwarded to a hub.
func (s *Supervisor) forwards(lane string) bool {
	return s.o.Forward != nil && (lane == queue.LaneForward || track.BecomesLetters(lane) && lane != queue.LaneLetters)
}

// runForward forwards the lane's records until ctx ends.
func (l *lane) runForward(ctx context.Context) {
	for ctx.Err() == nil {
		l.handleWakeups()
		l.unloaded, l.unstored = false, false
		if state, until, ok := l.canForward(); !ok {
			l.show(state, until)
			l.sleep(ctx, wallWait(until), nil)
			continue
		}
		if l.forgetRunning() {
			l.sleep(ctx, forgetPoll, nil)
			continue
		}
		set, most := l.settings(), l.limits()
		changed := l.s.o.Log.Changed()
		events := l.oversize.atMost(set.MaxEvents)
		if l.pause != "" {
			events = 1 // a probe
		}
		found, ok := l.read(ctx, l.oversize.behind(), events, most.Bytes)
		if !ok {
			continue
		}
		if len(found.Records) == 0 && l.oversize.held != 0 {
			l.nothingAccepted() // no other record can show that the hub accepts anything
			continue
		}
		if len(found.Records) == 0 {
			l.gather = time.Time{}
			l.show(Idle, time.Time{})
			l.sleep(ctx, -1, changed)
			continue
		}
		if !full(found, set) && !l.oversize.search() && set.MaxWait > 0 && l.gatherFor(set.MaxWait) > 0 {
			l.sleep(ctx, min(l.gatherFor(set.MaxWait), 100*time.Millisecond), nil)
			continue
		}
		if !l.ensureTime(ctx) || !l.waitForLimiter(ctx) {
			continue
		}
		l.gather = time.Time{}
		l.forward(ctx, found)
	}
	l.flush()
}

func (l *lane) canForward() (State, time.Time, bool) {
	if l.State.Manual {
		return ManuallyPaused, time.Time{}, false
	}
	if l.acct = l.s.account(l.name); l.acct == nil {
		return NoToken, time.Time{}, false
	}
	return l.canAttempt()
}

const (
	// hubTimePatience is how long a lane waits for a hub that does not know the time, if the
	// clocks of the two differ. A hub that starts asks Meta at once, but its network can take
	// minutes. After that, events are forwarded with the times of this machine's clock.
	hubTimePatience = 5 * time.Minute
	hubTimeInterval = 4 * time.Second // between two requests for the time, about
)

// hubHasTime acts on the hub's answer to a request for the time. It reports whether events
// can be forwarded. The hub stores the time of receipt that a chunk has, so a wrong one
// could not be corrected later.
func (l *lane) hubHasTime(r graph.Result) bool {
	if r.Class != graph.Delivered {
		if !l.hubFailed(r) {
			l.retry(r)
		}
		return false
	}
	if l.s.clock.Asking() && !l.s.agreesWith(r.HubClock) {
		l.waitUntil(hubTimeInterval/2+time.Duration(l.s.o.Rand()*float64(hubTimeInterval)), WaitingRetry)
		return false
	}
	return true
}

// agreesWith reports whether this machine's clock is so close to the hub's that both are
// probably right, although neither is trusted.
func (s *Supervisor) agreesWith(hub time.Time) bool {
	now, _ := s.clock.Now()
	return batch.Plausible(now) && now.Sub(hub).Abs() <= clock.MaxError
}

// hubFailed records an answer other than success. If it is a refusal that only a person can
// end, hubFailed delays the next attempt and returns true.
func (l *lane) hubFailed(r graph.Result) (refused bool) {
	l.recordProblem(r)
	l.State.Failures, l.Dirty = l.State.Failures+1, true
	if r.Class == graph.ConfigPause || r.Class == graph.PermPause || r.Class == graph.TokenPause {
		l.refusedByHub(r)
		return true
	}
	return false
}

// forward sends the records that were read, and acts on the answer.
func (l *lane) forward(ctx context.Context, found queue.Batch) {
	sctx, cancel := graceful(ctx, l.s.o.Grace)
	defer cancel()
	if !l.s.inFlight.start(l, cancel) {
		return
	}
	l.show(Sending, time.Time{})
	st, _ := l.s.o.Log.Lane(l.name)
	end, forgotten, r := l.s.o.Forward.Forward(sctx, l.name, found, st.Pending)
	l.s.inFlight.finish(l)
	l.s.observe(r)
	l.s.o.Metrics.Attempt(l.name, r, r.Sent)
	if sctx.Err() != nil && r.Class != graph.Delivered {
		return // stopped, not failed
	}
	l.mu.Lock()
	at, _ := l.s.clock.Now()
	l.shown.LastAttempt = at
	l.mu.Unlock()
	if r.Class == graph.Delivered {
		l.forwarded(ctx, found, end, forgotten, r, at)
		return
	}
	if l.hubFailed(r) {
		return
	}
	size := batchBytes(found.Records[:max(1, r.Sent)])
	s := l.fit.Failed(r, size)
	if s > 0 && (s < size || r.Class != graph.TooMuch) {
		l.State.Size = s
		if r.Class == graph.TooMuch || r.Failure == graph.FailureSlow {
			l.flush()
		}
	}
	if r.Class == graph.TooMuch && (s < size && r.Sent > 1 || l.oversize.refused(found.Records[0].Seq, r.Sent)) {
		return // send a smaller chunk at once
	}
	l.retry(r)
}

// refusedAtMost is how many refusals in a row pause the lane. A hub can be several relays, and
// while a change is rolled out one of them can have other keys or another version.
const refusedAtMost = 3

// refusedByHub retries soon. After refusedAtMost refusals it pauses the lane, which then tries
// one event at the interval of retries.
func (l *lane) refusedByHub(r graph.Result) {
	if l.pause == "" && l.State.Failures < refusedAtMost {
		l.retry(r)
		return
	}
	set := l.settings()
	next := min(set.ProbeInterval, set.MaxInterval)
	next = next/2 + time.Duration(l.s.o.Rand()*float64(next/2)) // so that not all stores retry at the same moment
	if l.pauseFor(PausedConfig, next) {
		l.log.Error("the hub refuses the forwarded events; they are kept, and relay tries again",
			append(l.answerAttrs(logs.ConfigPaused, r), "next", next.Round(time.Second).String())...)
	}
}

// nothingAccepted waits when the hub refuses every event, even alone: then no single event is
// to blame.
func (l *lane) nothingAccepted() {
	l.oversize = oversize{few: 1}
	l.retry(graph.Result{Class: graph.TooMuch, HTTPStatus: http.StatusRequestEntityTooLarge})
}

// retry waits before the next attempt.
func (l *lane) retry(r graph.Result) {
	wait := l.backoff(l.State.Failures)
	why := WaitingRetry
	if r.RetryAfter > 0 { // and a little more, so that not all stores retry at the same moment
		wait = max(wait, r.RetryAfter+time.Duration(l.s.o.Rand()*float64(r.RetryAfter)/2))
		if r.Class == graph.Throttle {
			why = Throttled
		}
	}
	if l.shouldLog(l.State.Failures) {
		l.log.Warn("the hub did not accept the forwarded events; they are kept, and relay tries again", append(l.answerAttrs(logs.Retrying, r), "failures", l.State.Failures)...)
	}
	l.waitUntil(wait, why)
}

// forwarded settles the records that the hub has, and those it dropped for a forget.
func (l *lane) forwarded(ctx context.Context, found queue.Batch, end queue.Seq, forgotten []queue.Seq, r graph.Result, at time.Time) {
	if l.State.Failures > 0 || l.pause != "" {
		l.log.Info("the hub accepts forwarded events", "code", logs.Recovered, "failures", l.State.Failures)
	}
	l.unpause()
	l.requestAccepted(at)
	l.problem, l.State.Failures, l.State.Throttle, l.Dirty = nil, 0, 0, true
	l.s.o.Metrics.Lag(l.name, l.s.Received(&found.Records[0]), at)
	l.settleRange(queue.Range{From: found.From, To: end})
	l.Count("delivered", r.Sent-len(forgotten))
	l.s.o.Log.CountDropped(queue.DropForgotten, len(forgotten))
	if l.name == queue.LaneForward {
		names := make(map[string]int)
		for i := range found.Records[:r.Sent] {
			if !slices.Contains(forgotten, found.Records[i].Seq) {
				names[track.Name(found.Records[i].Body)]++
			}
		}
		for name, n := range names {
			l.s.o.Metrics.Delivered(l.name, name, n)
		}
	}
	if !l.flushUntilStored(ctx) {
		return
	}
	if held := l.oversize.held; held != 0 {
		l.deadLetterOversize(held, at)
		l.State.Size, l.fit, l.Dirty = 0, pace.Fit{}, true // the event was to blame, not the connection
		l.flushUntilStored(ctx)
	}
	l.oversize = oversize{}
}

// flushUntilStored flushes until it succeeds. It is false if ctx ends or the lane is woken
// first.
func (l *lane) flushUntilStored(ctx context.Context) bool {
	for !l.flush() {
		if l.sleep(ctx, time.Second, nil) {
			return false // the ledger offers it again before anything newer
		}
	}
	return true
}

// oversize is the search for an event that is too large for the hub. An event that is refused
// alone is held, and becomes a dead letter once the hub has accepted another one: if the hub
// accepts nothing, no event is to blame.
type oversize struct {
	few  int       // most events of the next chunk; 0: as many as there are
	held queue.Seq // refused alone; 0: none
}

func (g *oversize) search() bool { return g.few > 0 }

func (g *oversize) atMost(n int) int {
	if g.few > 0 {
		return min(n, g.few)
	}
	return n
}

// behind returns where to read from.
func (g *oversize) behind() queue.Seq {
	if g.held == 0 {
		return 0
	}
	return g.held + 1
}

// refused records that a chunk of n events from first on was too large. It reports whether
// there is a smaller chunk to try.
func (g *oversize) refused(first queue.Seq, n int) bool {
	switch {
	case n > 1:
		g.few = n / 2
	case g.held == 0:
		g.few, g.held = 1, first
	default: // two in a row
		*g = oversize{few: 1} // begin with one event later
		return false
	}
	return true
}

// deadLetterOversize makes a dead letter of an event that is too large for the hub.
func (l *lane) deadLetterOversize(seq queue.Seq, at time.Time) {
	found, err := l.s.o.Log.Read(l.name, seq, 1, 1)
	if err != nil || len(found.Records) == 0 || found.Records[0].Seq != seq {
		return // it will be refused again, or was removed
	}
	rec := &found.Records[0]
	received, flags := l.s.dates().Dated(rec)
	l.Letter(queue.DeadLetter{
		Seq: rec.Seq, Lanes: rec.AllLanes(), MessageID: rec.ID, Store: rec.Store, Event: track.Name(rec.Body),
		Reason: mapper.ReasonTooLarge, Message: "the event is too large for the hub: raise intake.max_request_bytes there, then retry it here",
		ReceivedAt: received, DeadAt: at, Attempts: 1, Flags: flags, Body: rec.Body,
	})
	l.settleRange(queue.Range{From: seq, To: seq + 1})
	l.log.Warn("an event was refused; it is a dead letter", "code", logs.Rejected, "reason", mapper.ReasonTooLarge, "bytes", len(rec.Body))
}

func batchBytes(recs []queue.Record) (n int64) {
	for i := range recs {
		n += int64(len(recs[i].Body))
	}
	return n
}
