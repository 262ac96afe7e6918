// Package clock returns the time, and whether it can be trusted.
package clock

import (
	"sync"
	"time"

	"relay/internal/meta"
	"relay/relay/internal/graph"
)

// Clock returns the time and whether it can be trusted. The wall clock of a till is often
// wrong: it starts in 1970, or a year off, until it is set, and it can be set wrong at any moment.
//
// The time is trusted once an answer of Meta, or of the hub, has given it, or NTP keeps the wall
// clock. That moment is the anchor: from then on, the time is the anchor plus the time passed since.
// The monotonic clock measures what has passed. It stands still while the machine is suspended, so
// when it and the wall clock disagree, the time since boot is read too: the wall clock and the time
// since boot both count a suspension, and only the wall clock can be stepped.
//
// A step of the wall clock away from the time by more than MaxError contradicts the anchor. Most likely
// the clock was set wrong, so the time is still the anchor plus the time passed. But after a pause of a
// virtual machine that its host has corrected, the wall clock is right and all other clocks are late.
// So the time is not trusted until the next answer, or until the wall clock agrees again.
//
// A time that is not trusted decides nothing about an event: the rules about age and future
// do not apply until it is.
type Clock struct {
	wall   func() time.Time // can jump
	synced func() bool

	mu     sync.Mutex
	anchor anchor
	skew   time.Duration
	known  bool // skew was measured
	// answered is when the first answer without a time came (monotonic) since the clock was
	// last trusted; zero: none.
	answered time.Time
	patience time.Duration

	periods periods
}

// anchor is a moment at which the time was known, and what the clocks have done since.
type anchor struct {
	time time.Time     // the time; zero: not known yet …
	at   time.Time     // … at this moment (monotonic) …
	up   time.Duration // … this long after boot …
	wall time.Time     // … when the wall clock showed this

	suspended    time.Duration // how long the monotonic clock stood still
	step         time.Duration // how far the wall clock was stepped
	contradicted bool
}

// Notes stores a small value durably.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

const (
	// MaxDrift is how much two clocks can differ before one of them counts as stepped.
	MaxDrift = time.Minute
	// MaxError is the largest error of a clock that is left uncorrected, if it is late.
	MaxError = 5 * time.Minute
)

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
	return c.when(c.wall())
}

// Received returns the time of receipt of an event that is received now. It is the wall clock's, as
// other programs on the machine see it, unless that is too far off.
func (c *Clock) Received() time.Time {
	wall := c.wall()
	if now, _ := c.when(wall); !tolerable(wall, now) {
		return now
	}
	return wall
}

// tolerable reports whether a clock that shows wall at the time t is left uncorrected. Meta refuses an
// event further ahead than meta.Ahead.
func tolerable(wall, t time.Time) bool {
	off := wall.Sub(t)
	return -MaxError <= off && off <= meta.Ahead
}

// when implements Now. It is called for each event received: it reads no clock but the monotonic one,
// unless that and the wall clock disagree. wall is what the wall clock shows.
func (c *Clock) when(wall time.Time) (t time.Time, trusted bool) {
	wall = wall.Round(0).UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := wall
	if a := &c.anchor; !a.time.IsZero() {
		passed := time.Since(a.at) + a.suspended
		if (wall.Sub(a.wall) - passed - a.step).Abs() > MaxDrift {
			passed = c.explain(wall, passed)
		}
		now, trusted = a.time.Add(passed), !a.contradicted
		if a.step.Abs() <= MaxDrift {
			return now, trusted
		}
	}
	if !c.synced() {
		return now, trusted
	}
	c.setTime(wall, wall)
	return wall, true
}

// explain finds out why the wall clock and the monotonic clock, by which passed has gone by, disagree.
// It returns the time since the anchor. The caller holds c.mu.
func (c *Clock) explain(wall time.Time, passed time.Duration) time.Duration {
	a, up := &c.anchor, c.periods.boot.up()
	a.suspended += up - a.up - passed
	passed = up - a.up
	a.step = wall.Sub(a.wall) - passed
	contradicted := a.step.Abs() > MaxError && !tolerable(wall, a.time.Add(passed))
	if contradicted && !a.contradicted {
		c.answered = time.Time{}
	}
	a.contradicted = contradicted
	return passed
}

// setTime makes t the time of this moment, at which the wall clock shows wall. The caller holds c.mu.
func (c *Clock) setTime(t, wall time.Time) {
	c.anchor = anchor{time: t, at: time.Now(), up: c.periods.boot.up(), wall: wall}
}

// Observe sets the clock by the time in an answer from Meta or the hub. It returns the skew (this
// machine's clock minus the server's) and whether it has changed.
func (c *Clock) Observe(r graph.Result) (skew time.Duration, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0).UTC()
	skew, ok := r.Skew(wall, c.skew)
	if !ok {
		if r.Class == graph.Delivered && c.answered.IsZero() {
			c.answered = time.Now()
		}
		return 0, false
	}
	c.setTime(wall.Add(-skew), wall)
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
