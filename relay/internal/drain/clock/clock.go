// Package clock returns the time, and whether it can be believed.
package clock

import (
	"encoding/json"
	"sync"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
)

// Clock returns the time and whether it can be believed. The wall clock of a till is often
// wrong: it starts in 1970, or a year off, until it is set.
//
// Clock is believed once a Date header of Meta has given the time. From then on, the time is
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
	anchor time.Time // Meta's time …
	at     time.Time // … at this moment (monotonic) …
	wallAt time.Time // … when the wall showed this
	skew   time.Duration
	known  bool // skew was measured
	heard  bool // an answer has come, with or without a date

	first reading // relay's first since the machine started
	up    func() time.Duration
}

// reading is the wall clock when relay started, and the machine's uptime, which setting the
// clock does not change.
type reading struct {
	Boot  string        `json:"boot"` // identifies the machine's start; empty: unknown
	Up    time.Duration `json:"up"`
	Wall  time.Time     `json:"wall"`
	First queue.Seq     `json:"first"` // first record received since
}

// Notes stores a small value durably.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

const noteClock = "clock"

// Recall loads the reading that an earlier process stored since the machine started. If there
// is none and the clock is not set, it stores this process's reading, so that records received
// with that clock can be dated later, even by the next process.
func (c *Clock) Recall(notes Notes) error {
	if notes == nil || c.first.Boot == "" {
		return nil
	}
	var was reading
	if err := json.Unmarshal(notes.Note(noteClock), &was); err == nil && was.Boot == c.first.Boot && was.Up <= c.first.Up {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.first = was
		return nil
	}
	if batch.Plausible(c.first.Wall) {
		return nil
	}
	now, err := json.Marshal(c.first)
	if err != nil {
		return err
	}
	return notes.SetNote(noteClock, now)
}

// MaxDrift is how much wall and monotonic clock can differ before the anchor is dropped.
const MaxDrift = time.Minute

// New makes a clock. first is the number of the first record received by this process. Nil
// means the default, as in drain.Options.
func New(wall func() time.Time, synced func() bool, boot func() (string, func() time.Duration), first queue.Seq) *Clock {
	if wall == nil {
		wall = time.Now
	}
	if synced == nil {
		synced = func() bool { return false }
	}
	c := &Clock{wall: wall, synced: synced}
	start, id := time.Now(), ""
	if boot != nil {
		id, c.up = boot()
	}
	if id == "" {
		c.up = func() time.Duration { return time.Since(start) }
	}
	c.first = reading{Boot: id, Up: c.up(), Wall: wall().Round(0).UTC(), First: first}
	return c
}

// Start returns how to date records that were received before the clock was set. It is zero
// until the time is believed.
func (c *Clock) Start() batch.Shift {
	now, believed := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !believed || batch.Plausible(c.first.Wall) {
		return batch.Shift{}
	}
	return batch.Shift{First: c.first.First, Wrong: c.first.Wall, Right: now.Add(c.first.Up - c.up())}
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

// Observe sets the clock by the Date header of an answer from Meta. It returns the skew (this
// machine's clock minus Meta's) and whether it has changed.
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
