package drain

import (
	"time"

	"relay/relay/internal/drain/pace"
)

// gate says when a lane may send: what it is paused for, what it waits for, and how fast
// it goes. Its times are monotonic.
type gate struct {
	pause     State // PausedPermission, PausedConfig, BreakerOpen, or ""
	alone     bool  // the pause is tried with a single event
	probeAt   time.Time
	notBefore time.Time
	waitFor   State // what notBefore is: WaitingRetry or Throttled
	paceUntil time.Time
	pace      pace.Pacer
	fit       pace.Fit      // of requests to the line
	idle      bool          // the last request did not get there, or the token was refused: no search is under way
	steady    int           // successes in a row since the last failure
	acct      *pace.Account // the token's; looked up anew each time around
}

// ask says whether a request may go out by perSecond, and if not why and until when.
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

// stop pauses the lane until a person acts, or the probe finds it well; false:
// it is paused for this reason already.
func (g *gate) pauseFor(why State, probe time.Duration) (news bool) {
	g.probeAt = time.Now().Add(probe)
	if g.pause == why {
		return false
	}
	g.pause, g.alone = why, false
	return true
}

// breaks pauses the lane since everything is refused; it is tried with a single event.
func (g *gate) openBreaker(probe time.Duration) {
	g.pause, g.alone, g.probeAt = BreakerOpen, true, time.Now().Add(probe)
}

// goOn ends a pause.
func (g *gate) unpause() { g.pause, g.alone = "", false }

// rest has the lane wait.
func (g *gate) delay(d time.Duration, why State) {
	g.notBefore, g.waitFor = time.Now().Add(d), why
}

// rested ends a wait.
func (g *gate) clearDelay() { g.notBefore, g.waitFor = time.Time{}, "" }

// tryNow ends what a person may end: a wait for another try, not one that Meta asked for.
func (g *gate) skipRetryDelay() {
	if g.waitFor == WaitingRetry {
		g.notBefore = time.Time{}
	}
}

// paced spreads requests after one that succeeded.
func (g *gate) spaceOut(perSecond, rnd float64) {
	if w := g.pace.Wait(perSecond, rnd); w > 0 {
		g.paceUntil = time.Now().Add(w)
	}
}
