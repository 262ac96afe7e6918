package drain

import (
	"time"

	"relay/relay/internal/drain/pace"
)

// gate decides when a lane can send: why it is paused, what it waits for, and how fast it
// sends. Its times are monotonic.
type gate struct {
	pause     State // PausedPermission, PausedConfig, BreakerOpen, or ""
	alone     bool  // the probe is a single event
	probeAt   time.Time
	notBefore time.Time
	waitFor   State // why notBefore is set: WaitingRetry or Throttled
	paceUntil time.Time
	pace      pace.Pacer
	fit       pace.Fit      // request size for the connection
	idle      bool          // the last request did not reach Meta or the token was refused, so no search is in progress
	steady    int           // successes in a row since the last failure
	acct      *pace.Account // the token's; set on each pass of the loop
}

// checkGate reports whether a request can be sent now, and if not, why and until when.
func (g *gate) checkGate(perSecond float64) (State, time.Time, bool) {
	now := time.Now()
	if perSecond <= 0 {
		return RateLimited, time.Time{}, false
	}
	if now.Before(g.notBefore) {
		return g.waitFor, g.notBefore, false
	}
	if g.pause != "" && now.Before(g.probeAt) {
		return g.pause, g.probeAt, false
	}
	if wait := g.acct.Wait(); wait > 0 {
		return PausedToken, now.Add(wait), false
	}
	if now.Before(g.paceUntil) {
		return RateLimited, g.paceUntil, false
	}
	return "", time.Time{}, true
}

// pauseFor pauses the lane until a person acts or a probe succeeds. It is false if the lane
// is already paused for this reason.
func (g *gate) pauseFor(why State, probe time.Duration) (news bool) {
	g.probeAt = time.Now().Add(probe)
	if g.pause == why {
		return false
	}
	g.pause, g.alone = why, false
	return true
}

// openBreaker pauses the lane because everything is refused. Probes are single events.
func (g *gate) openBreaker(probe time.Duration) {
	g.pause, g.alone, g.probeAt = BreakerOpen, true, time.Now().Add(probe)
}

// unpause ends a pause.
func (g *gate) unpause() { g.pause, g.alone = "", false }

// delay sets how long the lane waits, and why.
func (g *gate) delay(d time.Duration, why State) {
	g.notBefore, g.waitFor = time.Now().Add(d), why
}

// clearDelay ends a wait.
func (g *gate) clearDelay() { g.notBefore, g.waitFor = time.Time{}, "" }

// skipRetryDelay ends a wait for a retry, but not one that Meta asked for.
func (g *gate) skipRetryDelay() {
	if g.waitFor == WaitingRetry {
		g.notBefore = time.Time{}
	}
}

// spaceOut delays the next request after one that succeeded.
func (g *gate) spaceOut(perSecond, rnd float64) {
	if w := g.pace.Wait(perSecond, rnd); w > 0 {
		g.paceUntil = time.Now().Add(w)
	}
}
