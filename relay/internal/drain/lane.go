package drain

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/advice"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/ledger"
)

// lane drains one event set. Only the lane's goroutine uses it, except for shared.
type lane struct {
	s      *Supervisor
	name   string
	log    *slog.Logger
	wakeup chan struct{} // room for one

	cancel context.CancelFunc
	ended  chan struct{} // closed when the lane's goroutine has returned

	ledger.Ledger
	gate
	readState
	logState
	shared

	work     *batch.Batch
	attempt  *attempt // the request at hand; kept while its fate is open
	decided  bool     // some of work is, and not in the ledger
	search   search   // for events that may be to blame (suspect.go)
	oversize oversize // what the hub takes in no chunk (forward.go)
	dry      dryRun   // position of a dry run
}

// shared is the part of a lane that other goroutines use.
type shared struct {
	mu      sync.Mutex
	reasons Reason
	manual  *bool // an operator's pause or resume, not handled yet
	shown   LaneStatus
}

// Reason is why lanes are woken.
type Reason uint

// The reasons, as bits.
const (
	Changed  Reason = 1 << iota // the settings changed
	NewToken                    // the access token changed
	NewMapping
	Reload // SIGHUP or a manual reload: try paused lanes
	Admin  // an operator's resume: try at once, whatever the backoff
	Forget // records were removed from the queue: read again
)

func (l *lane) wake(r Reason) {
	l.mu.Lock()
	l.reasons |= r
	l.mu.Unlock()
	select {
	case l.wakeup <- struct{}{}:
	default:
	}
}

// load reads the lane's durable state.
func (l *lane) load() {
	if err := l.Load(); err != nil {
		l.log.Error("cannot read the lane's state; starting with the first pending event", "code", logs.StateUnreadable, "err", err)
	}
	if st, _ := l.s.o.Log.Lane(l.name); st.Pending > 0 {
		l.problem = l.State.Problem // a restart does not change why the lane waits
	}
	if l.State.Breaker {
		l.openBreaker(l.settings().ProbeInterval)
	}
	if next := l.State.Next; !next.IsZero() {
		// The clock might have been changed since; never wait longer than before.
		now, _ := l.s.clock.Now()
		if w := min(next.Sub(now), l.State.Wait); w > 0 {
			why := WaitingRetry
			if l.State.Throttle > 0 || l.problem != nil && advice.Explains(string(Throttled), l.problem.Class) {
				why = Throttled
			}
			l.delay(w, why)
		}
	}
}

// run drains until ctx ends.
func (l *lane) run(ctx context.Context) {
	defer l.dropPrefetch()
	for ctx.Err() == nil {
		l.handleWakeups()
		if state, ok := l.canWork(); !ok {
			l.dropPrefetch()
			l.show(state, time.Time{})
			l.sleep(ctx, -1, nil)
			continue
		}
		if l.settings().DryRun {
			l.dropPrefetch()
			l.dryRun(ctx)
			continue
		}
		if l.unloaded {
			if state, until, ok := l.canAttempt(); !ok {
				l.show(state, until)
				l.sleep(ctx, wallWait(until), nil)
				continue
			}
			l.unloaded = false
		}
		if l.work == nil && !l.fetch(ctx) {
			continue
		}
		l.refresh()
		if !l.pick() {
			if l.mappingHoldsTooMuch() {
				l.skipBatch()
				continue
			}
			l.finish(ctx)
			continue
		}
		if l.s.forgets.Load() > 0 {
			l.sleep(ctx, forgetPoll, nil)
			continue
		}
		if state, until, ok := l.canSend(); !ok {
			l.unload(until)
			l.show(state, until)
			l.sleep(ctx, wallWait(until), nil)
			continue
		}
		if !l.waitForLimiter(ctx) {
			continue
		}
		l.send(ctx)
	}
	l.flush()
}

// handleWakeups acts on the reasons why the lane was woken.
func (l *lane) handleWakeups() {
	l.mu.Lock()
	r, manual := l.reasons, l.manual
	l.reasons, l.manual = 0, nil
	l.mu.Unlock()
	if manual != nil && *manual != l.State.Manual {
		l.State.Manual, l.Dirty = *manual, true
		if *manual {
			l.log.Info("lane paused by an operator", "code", logs.LanePaused)
		} else {
			l.log.Info("lane resumed by an operator", "code", logs.LaneResumed)
		}
	}
	if r&(NewToken|NewMapping|Reload|Admin) != 0 && l.pause != "" {
		l.probeAt = time.Time{}
		if l.pause == BreakerOpen && r&(NewMapping|Admin) != 0 {
			l.closeBreaker()
		}
	}
	if l.skipped && r&(NewMapping|Admin) != 0 {
		if r&Admin != 0 { // the operator accepts that they become dead letters
			l.State.Mapping, l.Dirty = l.s.o.Mapping().Digest(), true
		}
		l.rereadSkipped()
	}
	if r&Admin != 0 {
		l.skipRetryDelay()
	}
	if r&Forget != 0 {
		l.reread()
		l.DropLetters()
	}
}

// canWork reports whether the lane can read and map at all, and otherwise its state.
func (l *lane) canWork() (State, bool) {
	switch {
	case l.State.Manual:
		return ManuallyPaused, false
	case l.s.o.Mapping() == nil:
		return NoMapping, false
	case l.s.retired(l.name):
		return Retired, false
	}
	if l.acct = l.s.account(l.name); l.acct == nil && !l.settings().DryRun {
		return NoToken, false
	}
	return "", true
}

// canSend reports whether the current request can be sent now. If the breaker is open,
// it replaces the request by a probe.
func (l *lane) canSend() (State, time.Time, bool) {
	state, until, ok := l.canAttempt()
	if ok && l.pause != "" && l.alone && !l.attempt.probe && len(l.attempt.open) > 1 {
		l.pickProbe()
	}
	return state, until, ok
}

// canAttempt reports whether any request can be sent now, and otherwise why not and
// until when.
func (l *lane) canAttempt() (State, time.Time, bool) {
	return l.checkGate(l.settings().RequestsPerSecond)
}

// waitForLimiter waits for the token's limiter. It is false if the lane was woken first.
func (l *lane) waitForLimiter(ctx context.Context) bool {
	r, wait := l.acct.Reserve()
	if wait <= 0 {
		return true
	}
	began := time.Now()
	l.show(RateLimited, began.Add(wait))
	woken := l.sleep(ctx, wait, nil)
	l.s.o.Metrics.LimitWait(l.name, time.Since(began))
	if woken {
		r.Cancel()
		return false
	}
	return true
}

func (l *lane) settings() Settings { return *l.s.settings.Load() }

// wallWait returns the time until a monotonic moment; below 0, for ever, if it is zero.
func wallWait(until time.Time) time.Duration {
	if until.IsZero() {
		return -1
	}
	return max(time.Until(until), 0)
}

func (l *lane) closeBreaker() {
	l.unpause()
	l.State.Breaker, l.State.Streak, l.Dirty = false, 0, true
	l.log.Info("breaker closed: trying again", "code", logs.BreakerClosed)
}
