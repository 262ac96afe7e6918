// Package age measures how long ago something happened on a machine whose clock can
// start in 1970, be set later, or jump. It is pure: the caller passes in the time.
package age

import "time"

// Clock measures ages. An age is the difference between two trusted times, or, where
// one is missing, the run time that has passed, accumulated over restarts. Run time
// never exceeds the true age. So a wrong clock never makes anything expire.
type Clock struct {
	ran     time.Duration // run time of this process and of earlier ones
	at      time.Time     // of the last Update; with its monotonic reading
	trusted time.Time     // the trusted time of the last Update; zero: it had none
	agreed  time.Duration // for how long trusted time and run time have advanced equally
	jumped  bool          // trusted time has jumped, and agreed has not reached Settled since
}

const (
	// Settled is for how long trusted time and run time must have advanced equally
	// before anything expires by trusted time.
	Settled = 10 * time.Minute

	maxDrift = time.Minute // between trusted time and run time, from one Update to the next
)

// Stamp is the moment at which something began, to be stored with it.
type Stamp struct {
	Ran time.Duration `json:"ran"`         // accumulated run time
	At  time.Time     `json:"at,omitzero"` // trusted time; zero: there was none
}

// NewClock returns a clock that starts at a moment with the run time accumulated before.
func NewClock(ran time.Duration, at time.Time) Clock { return Clock{ran: ran, at: at} }

// Ran returns the accumulated run time as of the last Update.
func (c *Clock) Ran() time.Duration { return c.ran }

// Update advances the clock. at carries a monotonic reading; wall is the time of day,
// trusted or not.
func (c *Clock) Update(at, wall time.Time, trusted bool) {
	passed := max(0, at.Sub(c.at))
	c.ran += passed
	c.at = at
	if !trusted {
		c.trusted, c.agreed = time.Time{}, 0
		return
	}
	wall = wall.Round(0)
	if !c.trusted.IsZero() {
		c.agreed += passed
		if (wall.Sub(c.trusted) - passed).Abs() > maxDrift {
			c.agreed, c.jumped = 0, true
		}
	}
	if c.agreed >= Settled {
		c.jumped = false
	}
	c.trusted = wall
}

// Stamp returns the moment of the last Update.
func (c *Clock) Stamp() Stamp {
	if c.jumped {
		return Stamp{Ran: c.ran}
	}
	return Stamp{Ran: c.ran, At: c.trusted}
}

// AtLeast raises the accumulated run time to ran, if it is less.
func (c *Clock) AtLeast(ran time.Duration) { c.ran = max(c.ran, ran) }

// Older reports whether what began at s is older than limit.
func (c *Clock) Older(s Stamp, limit time.Duration) bool {
	c.AtLeast(s.Ran) // a stamp from the future: the stored run time was lost
	if c.ran-s.Ran > limit {
		return true
	}
	return !s.At.IsZero() && !c.trusted.IsZero() && c.agreed >= Settled && c.trusted.Sub(s.At) > limit
}

// Since returns how much time has certainly passed from o to s.
func (s Stamp) Since(o Stamp) time.Duration {
	passed := s.Ran - o.Ran
	if !s.At.IsZero() && !o.At.IsZero() {
		passed = max(passed, s.At.Sub(o.At))
	}
	return passed
}

// Earliest returns a moment that is not after a or b. A trusted time that only one of
// them has does not apply to the other, so the result has none.
func Earliest(a, b Stamp) Stamp {
	s := Stamp{Ran: min(a.Ran, b.Ran)}
	if !a.At.IsZero() && !b.At.IsZero() {
		if s.At = a.At; b.At.Before(a.At) {
			s.At = b.At
		}
	}
	return s
}

// Latest returns a moment that is not before a or b. Run time alone does not order
// them: it stands still while the machine is off, and a crash loses some of it.
func Latest(a, b Stamp) Stamp {
	s := Stamp{Ran: max(a.Ran, b.Ran)}
	if !a.At.IsZero() && !b.At.IsZero() {
		if s.At = a.At; b.At.After(a.At) {
			s.At = b.At
		}
	}
	return s
}
