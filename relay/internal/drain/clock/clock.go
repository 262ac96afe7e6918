// Package clock answers what time it is, and whether that may be believed.
package clock

import (
	"encoding/json"
	"sync"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
)

// Clock answers what time it is and whether that may be believed. The wall
// clock of a till is wrong more often than not: it starts in 1970, or a year
// off, until somebody sets it.
//
// It is believed once Meta's Date header has told the time; from then on the
// time is the wall clock's less its skew, plus what passed since on the
// monotonic clock, so that a wall clock that jumps moves nothing. When wall and monotonic clock
// part by more than a minute (a jump, or a machine that slept), the anchor is
// dropped until the next answer. Without an answer the clock is believed when
// the machine says that NTP disciplines it.
//
// What is not believed decides nothing about an event: the rules about age and
// future wait.
type Clock struct {
	wall   func() time.Time // may jump
	synced func() bool

	mu     sync.Mutex
	anchor time.Time // Meta's time …
	at     time.Time // … at this moment (monotonic) …
	wallAt time.Time // … when the wall showed this
	skew   time.Duration
	known  bool // skew was measured
	heard  bool // somebody has answered, with or without a date

	first reading // since the machine started, of relay
	up    func() time.Duration
}

// reading is what the wall clock of a machine that nobody had set showed when relay
// began, with how long the machine ran, which no step of the clock changes.
type reading struct {
	Boot  string        `json:"boot"` // names the start of the machine; empty: not known
	Up    time.Duration `json:"up"`
	Wall  time.Time     `json:"wall"`
	First queue.Seq     `json:"first"` // nothing before it was received since
}

// Notes keep a small value durably.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

const noteClock = "clock"

// Recall takes up what an earlier process noted since the machine started, or notes
// what the clock shows, should nobody have set it: what was received by that clock can
// be dated later, also by the next process.
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

// MaxDrift is how far wall and monotonic clock may part before the anchor is
// dropped.
const MaxDrift = time.Minute

// New makes a clock; first is the number before which nothing was received since this
// process began. Nil means the default, as in package drain.
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

// Start is the shift of what was received by a clock that nobody had set, once the time is known.
func (c *Clock) Start() batch.Shift {
	now, believed := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !believed || batch.Plausible(c.first.Wall) {
		return batch.Shift{}
	}
	return batch.Shift{First: c.first.First, Wrong: c.first.Wall, Right: now.Add(c.first.Up - c.up())}
}

// Now is the best idea of the time, in UTC without a monotonic part, and
// whether it is believed.
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

// Observe takes the Date header of an answer that Meta itself gave. It
// returns the skew (ours minus Meta's) and whether that is news.
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

// Asking says that the time is not known and that the next answer may tell it.
func (c *Clock) Asking() bool {
	_, believed := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !believed && !c.heard
}
