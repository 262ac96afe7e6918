package drain

import (
	"time"

	"relay/mapper"
	"relay/relay/internal/graph"
)

// Metrics is told what happens. Its methods are called by the lanes and must
// not block. Nothing personal is ever passed.
type Metrics interface {
	Attempt(lane string, r graph.Result, events int) // a request was answered, or not
	Delivered(lane, name string, n int)              // conversions by their name
	MatchKeys(lane string, keys []mapper.KeyResult)  // of one delivered conversion; not to be changed
	Lag(lane string, received, now time.Time)        // of the oldest event of an accepted request
	Settled(lane, outcome string, n int)             // made durable: "delivered", "skip:…", "dead:…", as in the lane's counts
	Note(code string, n int)                         // notes of the mapper on what was settled
	AmbiguousResend(lane string, events int)         // sent again unchanged because the fate was unknown
	RebuildMismatch(lane string)                     // a request in doubt could not be rebuilt identically
	LimitWait(lane string, wait time.Duration)       // time spent waiting for the limiter
	Usage(lane string, percent float64)              // highest of Meta's usage headers
	StateChanged(lane string, state State, since time.Time)
	ClockSkew(skew time.Duration)  // ours minus Meta's
	Redriven(reason string, n int) // released by themselves (future)
}

// nopMetrics does nothing; embed it to implement only some of Metrics.
type nopMetrics struct{}

// The methods of Metrics.
func (nopMetrics) Attempt(string, graph.Result, int)     {}
func (nopMetrics) Delivered(string, string, int)         {}
func (nopMetrics) MatchKeys(string, []mapper.KeyResult)  {}
func (nopMetrics) Lag(string, time.Time, time.Time)      {}
func (nopMetrics) Settled(string, string, int)           {}
func (nopMetrics) Note(string, int)                      {}
func (nopMetrics) AmbiguousResend(string, int)           {}
func (nopMetrics) RebuildMismatch(string)                {}
func (nopMetrics) LimitWait(string, time.Duration)       {}
func (nopMetrics) Usage(string, float64)                 {}
func (nopMetrics) StateChanged(string, State, time.Time) {}
func (nopMetrics) ClockSkew(time.Duration)               {}
func (nopMetrics) Redriven(string, int)                  {}
