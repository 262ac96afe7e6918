package drain

import (
	"time"

	"relay/relay/internal/graph"
)

// backoff is exponential with full jitter: anywhere between nothing and
// min·2^(failures-1), at most max. r is in [0,1).
func backoff(failures int, shortest, longest time.Duration, r float64) time.Duration {
	ceil := shortest
	for range min(failures-1, 40) {
		if ceil >= longest {
			break
		}
		ceil *= 2
	}
	return time.Duration(r * float64(min(ceil, longest)))
}

// throttleWait is how long a throttled lane stops: as long as it was told,
// and a little more so that not all come back in the same moment; clamped, for
// a header may say anything. Untold, it doubles from half a minute. Calls made
// while throttled prolong it (facts: meta-wire 7).
func throttleWait(r graph.Result, times int, probe time.Duration, rnd float64) time.Duration {
	const longest = 2 * time.Hour
	wait := min(r.RetryAfter, longest)
	if wait <= 0 {
		wait = 30 * time.Second << min(times-1, 5)
		wait = min(wait, max(probe, 30*time.Second))
	}
	switch r.Code { // blocked for a policy: not a matter of seconds
	case 368, 1404078, 2859015:
		wait = max(wait, probe)
	}
	return wait + time.Duration(rnd*float64(min(wait/10, 30*time.Second)))
}

// pacer spreads a lane's requests when the token's limiter alone would be too
// quick: after an outage, and near the end of Meta's allowance.
type pacer struct {
	gap   time.Duration // ramp after recovery; halves with each success
	usage float64       // last percentage told
	step  float64       // what one request added to it
	hold  time.Duration // wait for the allowance to recover
}

const slowUsage = 80 // percent

// recovered starts the ramp: at a quarter of the steady rate.
func (p *pacer) recovered(perSecond float64) {
	p.gap = 200 * time.Millisecond
	if perSecond > 0 {
		p.gap = max(p.gap, min(time.Duration(4/perSecond*float64(time.Second)), 30*time.Second))
	}
}

// succeeded takes the ramp a step further.
func (p *pacer) succeeded(perSecond float64) {
	p.gap /= 2
	if steady := time.Duration(float64(time.Second) / max(perSecond, 1e-3)); p.gap < min(steady, 100*time.Millisecond) {
		p.gap = 0
	}
}

// told takes the usage headers of any answer; without them nothing is known.
func (p *pacer) told(usage float64) {
	if d := usage - p.usage; p.usage > 0 && d > 0 {
		p.step = max(d, p.step*0.9)
	}
	p.usage = usage
}

// wait is the time to leave before the next request. From 80 % of the
// allowance on, what is left of it is spread over the hour that Meta counts
// (facts: meta-wire 7), so that a healthy relay is never throttled: the gap
// grows with what one request costs and as the room shrinks.
func (p *pacer) wait(perSecond, rnd float64) time.Duration {
	w := time.Duration(float64(p.gap) * (0.5 + rnd))
	if p.usage < slowUsage {
		p.hold = 0
		return w
	}
	const first, longest = time.Minute, 15 * time.Minute
	room := 100 - p.usage - p.step // after one more
	if room <= 0 {
		p.hold = min(max(first, 2*p.hold), longest)
		if p.step > 0 {
			p.hold = longest
		}
		return max(w, p.hold)
	}
	p.hold = 0
	steady := max(time.Duration(float64(time.Second)/max(perSecond, 0.1)), 20*time.Millisecond)
	slow := float64(steady) * (100 - slowUsage) / room
	spread := float64(time.Hour) * p.step / room
	return max(w, time.Duration(min(max(slow, spread), float64(longest))))
}
