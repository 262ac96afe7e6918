package drain

import (
	"time"

	"relay/mapper"
	"relay/relay/internal/graph"
)

// Metrics counts what happens. The lanes call its methods, which must not block. No
// argument contains personal data.
type Metrics interface {
	Attempt(lane string, r graph.Result, events int) // one request, answered or not
	Delivered(lane, name string, n int)              // conversions by their name
	MatchKeys(lane string, keys []mapper.KeyResult)  // of one delivered conversion; must not be changed
	Lag(lane string, received, now time.Time)        // of the oldest event of an accepted request
	Settled(lane, outcome string, n int)             // stored: "delivered", "skip:…", "dead:…", as in the lane's counts
	Note(code string, n int)                         // the mapper's notes on settled events
	AmbiguousResend(lane string, events int)         // sent again unchanged because the outcome was unknown
	RebuildMismatch(lane string)                     // a request in doubt could not be made again with the same bytes
	LimitWait(lane string, wait time.Duration)       // time spent waiting for the limiter
	Usage(lane string, percent float64)              // highest of Meta's usage headers
	StateChanged(lane string, state State, since time.Time)
	ClockSkew(skew time.Duration)  // this machine's clock minus Meta's
	Redriven(reason string, n int) // dead letters redriven by relay itself (future)
}

// nopMetrics counts nothing. Embed it to implement part of Metrics.
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
