// Package pace says when a lane may send and how much: the wait after an error that
// passes, the wait that Meta asked for, the gaps between requests after an outage and
// near the end of Meta's allowance, and the size of request that a line carries.
//
// All of it is arithmetic on what the lane was told: no clock, no randomness of its
// own, nothing kept beside the values below.
package pace

import (
	"time"

	"relay/relay/internal/graph"
)

// Backoff is exponential with full jitter: anywhere between nothing and
// min·2^(failures-1), at most max. r is in [0,1).
func Backoff(failures int, shortest, longest time.Duration, r float64) time.Duration {
	ceil := shortest
	for range min(failures-1, 40) {
		if ceil >= longest {
			break
		}
		ceil *= 2
	}
	return time.Duration(r * float64(min(ceil, longest)))
}

// ThrottleWait is how long a throttled lane stops: as long as it was told,
// and a little more so that not all come back in the same moment; clamped, for
// a header may say anything. Untold, it doubles from half a minute. Calls made
// while throttled prolong it (docs/meta.md 7).
func ThrottleWait(r graph.Result, times int, probe time.Duration, rnd float64) time.Duration {
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
