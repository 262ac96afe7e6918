// Package clock returns the time, and whether it can be believed.
package clock

import (
	"sync"
	"time"

	"relay/relay/internal/graph"
)

// Clock returns the time and whether it can be believed. The wall clock of a till is often
// wrong: it starts in 1970, or a year off, until it is set.
//
// Clock is believed once an answer of Meta, or of the hub, has given the time. From then on, the time is
// that anchor plus the time passed on the monotonic clock, so that a jump of the wall clock
// has no effect. When wall and monotonic clock differ by more than MaxDrift (after a jump or
// a sleep of the machine), the anchor is dropped until the next answer. Without an anchor,
// the wall clock is believed if NTP keeps it.
//
// A time that is not believed decides nothing about an event: the rules about age and future
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
	heard  bool // an answer has come, with or without a date

	periods periods
}

// Notes stores a small value durably.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

// MaxDrift is how much wall and monotonic clock can differ before the anchor is dropped.
const MaxDrift = time.Minute

// New returns a clock that records in notes when it is not believed. A nil argument means the
// default of drain.Options.
func New(wall func() time.Time, synced func() bool, boot func() (string, func() time.Duration), notes Notes) *Clock {
	if wall == nil {
		wall = time.Now
	}
	if synced == nil {
		synced = func() bool { return false }
	}
	c := &Clock{wall: wall, synced: synced, periods: periods{boot: bootOf(boot), notes: notes}}
	c.periods.recall()
	return c
}

// Now returns the best known time, in UTC without a monotonic part, and whether it is
// believed.
func (c *Clock) Now() (t time.Time, believed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0).UTC()
	if c.anchor.IsZero() {
		return wall, c.synced()
	}
	passed := time.Since(c.at)
	if drift := wall.Sub(c.wallAt) - passed; drift > MaxDrift || drift < -MaxDrift {
		c.anchor = time.Time{}
		return wall, c.synced()
	}
	return c.anchor.Add(passed).Round(0).UTC(), true
}

// Observe sets the clock by the time in an answer from Meta or the hub. It returns the skew (this
// machine's clock minus the server's) and whether it has changed.
func (c *Clock) Observe(r graph.Result) (skew time.Duration, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Class == graph.Delivered {
		c.heard = true
	}
	wall := c.wall().Round(0)
	skew, ok := r.Skew(wall, c.skew)
	if !ok {
		return 0, false
	}
	c.anchor, c.at, c.wallAt = wall.Add(-skew), time.Now(), wall
	news = !c.known || skew != c.skew
	c.skew, c.known = skew, true
	return skew, news
}

// Asking reports whether the time is unknown and the next answer can contain it.
func (c *Clock) Asking() bool {
	_, believed := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !believed && !c.heard
}
