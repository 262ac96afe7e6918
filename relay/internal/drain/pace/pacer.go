package pace

import "time"

// Pacer spaces out a lane's requests when the token's limiter would allow too many: after an
// outage, and near the end of Meta's allowance.
type Pacer struct {
	gap   time.Duration // ramp after recovery; halves with each success
	Usage float64       // percentage of the allowance, from the last answer
	step  float64       // percentage that one request adds
	hold  time.Duration // Wait for the allowance to recover
}

const slowUsage = 80 // percent

// Recovered starts the ramp after an outage, at a quarter of the steady rate.
func (p *Pacer) Recovered(perSecond float64) {
	p.gap = 200 * time.Millisecond
	if perSecond > 0 {
		p.gap = max(p.gap, min(time.Duration(4/perSecond*float64(time.Second)), 30*time.Second))
	}
}

// Succeeded shortens the ramp's gap after a request that succeeded.
func (p *Pacer) Succeeded(perSecond float64) {
	p.gap /= 2
	if steady := time.Duration(float64(time.Second) / max(perSecond, 1e-3)); p.gap < min(steady, 100*time.Millisecond) {
		p.gap = 0
	}
}

// SetUsage records the usage of an answer; 0 if it had no usage headers.
func (p *Pacer) SetUsage(usage float64) {
	if d := usage - p.Usage; p.Usage > 0 && d > 0 {
		p.step = max(d, p.step*0.9)
	}
	p.Usage = usage
}

// Wait returns the time before the next request. From 80 % of the allowance on, the rest is
// spread over the hour that Meta counts (docs/meta.md 7), so that relay is not throttled: the
// gap grows with the cost of one request and as the rest shrinks.
func (p *Pacer) Wait(perSecond, rnd float64) time.Duration {
	w := time.Duration(float64(p.gap) * (0.5 + rnd))
	if p.Usage < slowUsage {
		p.hold = 0
		return w
	}
	const first, longest = time.Minute, 15 * time.Minute
	room := 100 - p.Usage - p.step // after one more
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
