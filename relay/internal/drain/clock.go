package drain

import (
	"sync"
	"time"

	"relay/relay/internal/graph"
)

// clock answers what time it is and whether that may be believed. The wall
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
type clock struct {
	wall   func() time.Time // may jump
	synced func() bool

	mu     sync.Mutex
	anchor time.Time // Meta's time …
	at     time.Time // … at this moment (monotonic) …
	wallAt time.Time // … when the wall showed this
	skew   time.Duration
	known  bool // skew was measured
	heard  bool // somebody has answered, with or without a date

	began     time.Time // when this process began, by the wall clock …
	beganMono time.Time // … and by the monotonic one
}

// maxDrift is how far wall and monotonic clock may part before the anchor is
// dropped.
const maxDrift = time.Minute

func newClock(wall func() time.Time, synced func() bool) *clock {
	if wall == nil {
		wall = time.Now
	}
	if synced == nil {
		synced = func() bool { return false }
	}
	return &clock{wall: wall, synced: synced, began: wall().Round(0).UTC(), beganMono: time.Now()}
}

// plausible says whether a time of receipt may be one. A machine without a battery
// begins in 1970, or on the day its system was made, until somebody sets its clock.
func plausible(t time.Time) bool { return t.Year() >= 2020 }

// start is when this process began, by a clock that nobody had set and as it was: what
// it received by that clock can be dated. Both are zero while that is not known, and
// when the clock was right.
func (c *clock) start() (wrong, right time.Time) {
	now, believed := c.now()
	if !believed || plausible(c.began) {
		return time.Time{}, time.Time{}
	}
	return c.began, now.Add(-time.Since(c.beganMono))
}

// now is the best idea of the time, in UTC without a monotonic part, and
// whether it is believed.
func (c *clock) now() (t time.Time, believed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0).UTC()
	if c.anchor.IsZero() {
		return wall, c.synced()
	}
	passed := time.Since(c.at)
	if drift := wall.Sub(c.wallAt) - passed; drift > maxDrift || drift < -maxDrift {
		c.anchor = time.Time{}
		return wall, c.synced()
	}
	return c.anchor.Add(passed).Round(0).UTC(), true
}

// observe takes the Date header of an answer that Meta itself gave. It
// returns the skew (ours minus Meta's) and whether that is news.
func (c *clock) observe(r graph.Result) (skew time.Duration, news bool) {
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

// asking says that the time is not known and that the next answer may tell it.
func (c *clock) asking() bool {
	_, believed := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !believed && !c.heard
}
