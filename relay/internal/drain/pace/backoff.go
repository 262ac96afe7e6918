// Package pace decides when and how much a lane sends: the backoff after a temporary error,
// the wait that Meta asked for, the gaps between requests after an outage and near the end of
// Meta's allowance, and the request size that a connection can carry.
//
// Apart from Account, which shares a limiter between lanes, it is arithmetic on answers: no
// clock, and no randomness of its own.
package pace

import (
	"time"

	"relay/relay/internal/graph"
)

// Backoff is exponential with full jitter: between 0 and shortest·2^(failures-1), at most
// longest. r is in [0,1).
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

// ThrottleWait returns how long a throttled lane waits: as long as Meta asked for, limited
// since a header can contain anything, and a little more so that not all lanes return at the
// same moment. If Meta gave no time, it doubles from half a minute. Requests made while
// throttled prolong the throttling (docs/meta.md 7).
func ThrottleWait(r graph.Result, times int, probe time.Duration, rnd float64) time.Duration {
	const longest = 2 * time.Hour
	wait := min(r.RetryAfter, longest)
	if wait <= 0 {
		wait = 30 * time.Second << min(times-1, 5)
		wait = min(wait, max(probe, 30*time.Second))
	}
	switch r.Code { // blocked for a policy violation, which does not end within seconds
	case 368, 1404078, 2859015:
		wait = max(wait, probe)
	}
	return wait + time.Duration(rnd*float64(min(wait/10, 30*time.Second)))
}
