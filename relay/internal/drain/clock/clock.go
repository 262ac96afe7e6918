// Package clock returns the time, and whether it can be trusted.
package clock

import (
	"sync"
	"time"

	"relay/relay/internal/graph"
)

// Clock returns the time and whether it can be trusted. The wall clock of a till is often
// wrong: it starts in 1970, or a year off, until it is set.
//
// Clock is trusted once an answer of Meta, or of the hub, has given the time. From then on, the time is
// that anchor plus the time passed on the monotonic clock, so that a jump of the wall clock
// has no effect. When wall and monotonic clock differ by more than MaxDrift (after a jump or
// a sleep of the machine), the anchor is dropped until the next answer. Without an anchor,
// the wall clock is trusted if NTP keeps it.
//
// A time that is not trusted decides nothing about an event: the rules about age and future
// do not apply until it is.
type Clock struct {
	wall   func() time.Time // can jump
	synced func() bool

	mu     sync.Mutex
	anchor time.Time // the server's time …
	at     time.Time // … at this moment (monotonic) …
	wallAt time.Time // … when the wall showed this
	skew   time.Duration
	known  bool // skew was measured
	// answered is when the first answer without a time came (monotonic) since the clock was
	// last trusted; zero: none.
	answered time.Time
	patience time.Duration

	periods periods
}

// Notes stores a small value durably.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

// MaxDrift is how much wall and monotonic clock can differ before the anchor is dropped.
const MaxDrift = time.Minute

// Options configures a Clock. The zero value is usable.
type Options struct {
	Wall   func() time.Time                            // this machine's clock; nil: time.Now
	Synced func() bool                                 // reports whether NTP keeps it; nil: no
	Boot   func() (id string, up func() time.Duration) // the machine's start; nil: unknown
	Notes  Notes                                       // record when the clock is not trusted; nil: nothing is recorded
	// Patience is how long Asking stays true after an answer without a time. A hub that
	// has just started can know the time a little later.
	Patience time.Duration
}

// New returns a clock.
func New(o Options) *Clock {
	if o.Wall == nil {
		o.Wall = time.Now
	}
	if o.Synced == nil {
		o.Synced = func() bool { return false }
	}
	c := &Clock{wall: o.Wall, synced: o.Synced, patience: o.Patience, periods: periods{boot: bootOf(o.Boot), notes: o.Notes}}
	c.periods.recall()
	return c
}

// Now returns the best known time, in UTC without a monotonic part, and whether it is
// trusted.
func (c *Clock) Now() (t time.Time, trusted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0).UTC()
	if c.anchor.IsZero() {
		return wall, c.synced()
	}
	passed := time.Since(c.at)
	if drift := wall.Sub(c.wallAt) - passed; drift > MaxDrift || drift < -MaxDrift {
		c.anchor, c.answered = time.Time{}, time.Time{}
		return wall, c.synced()
	}
	return c.anchor.Add(passed).Round(0).UTC(), true
}

// Observe sets the clock by the time in an answer from Meta or the hub. It returns the skew (this
// machine's clock minus the server's) and whether it has changed.
func (c *Clock) Observe(r graph.Result) (skew time.Duration, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0)
	skew, ok := r.Skew(wall, c.skew)
	if !ok {
		if r.Class == graph.Delivered && c.answered.IsZero() {
			c.answered = time.Now()
		}
		return 0, false
	}
	c.anchor, c.at, c.wallAt = wall.Add(-skew), time.Now(), wall
	news = !c.known || skew != c.skew
	c.skew, c.known = skew, true
	return skew, news
}

// Asking reports whether the time is unknown and the next answer can contain it.
func (c *Clock) Asking() bool {
	_, trusted := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !trusted && (c.answered.IsZero() || time.Since(c.answered) < c.patience)
}
