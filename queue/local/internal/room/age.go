package room

import "time"

// Age tells how old something is on a machine whose clock may start in 1970, be
// set later, or jump. An age counts between two times that are believed;
// otherwise it is the run time that has passed, accumulated over restarts, which
// is never more than the true age. So no clock that is wrong lets anything
// expire.
type Age struct {
	ran    time.Duration // run time of this process and of those before
	at     time.Time     // when ran was brought up to date; its monotonic reading counts
	told   time.Time     // the believed time then; zero: none was
	agreed time.Duration // for how long told and run time have gone on together
	jumped bool          // told has jumped, and has not agreed for Settled since
}

const (
	// Settled is for how long a believed time must have gone on together with the
	// run time before anything expires by it.
	Settled = 10 * time.Minute

	maxDrift = time.Minute // by which they may part between two looks
)

// Stamp is what has to be kept of the moment at which something began, for its
// age to be told.
type Stamp struct {
	Ran time.Duration `json:"ran"`         // accumulated run time
	At  time.Time     `json:"at,omitzero"` // believed time; zero: none was
}

// NewAge begins at a moment with the run time that was accumulated before.
func NewAge(ran time.Duration, at time.Time) Age { return Age{ran: ran, at: at} }

// Ran is the accumulated run time at the last Look.
func (a *Age) Ran() time.Duration { return a.ran }

// Look brings a up to date. at carries a monotonic reading; told is the time, if
// it is believed.
func (a *Age) Look(at, told time.Time, believed bool) {
	passed := max(0, at.Sub(a.at))
	a.ran += passed
	a.at = at
	if !believed {
		a.told, a.agreed = time.Time{}, 0
		return
	}
	told = told.Round(0)
	if !a.told.IsZero() {
		a.agreed += passed
		if (told.Sub(a.told) - passed).Abs() > maxDrift {
			a.agreed, a.jumped = 0, true
		}
	}
	if a.agreed >= Settled {
		a.jumped = false
	}
	a.told = told
}

// Stamp is for what begins now.
func (a *Age) Stamp() Stamp {
	if a.jumped {
		return Stamp{Ran: a.ran}
	}
	return Stamp{Ran: a.ran, At: a.told}
}

// AtLeast says that so much has passed, whatever is on record.
func (a *Age) AtLeast(ran time.Duration) { a.ran = max(a.ran, ran) }

// Over says that what began at s is older than limit.
func (a *Age) Over(s Stamp, limit time.Duration) bool {
	a.AtLeast(s.Ran) // less is on record than has passed: the record was lost
	if a.ran-s.Ran > limit {
		return true
	}
	return !s.At.IsZero() && !a.told.IsZero() && a.agreed >= Settled && a.told.Sub(s.At) > limit
}

// Since is how much has passed between two moments, as far as it is known.
func (s Stamp) Since(o Stamp) time.Duration {
	passed := s.Ran - o.Ran
	if !s.At.IsZero() && !o.At.IsZero() {
		passed = max(passed, s.At.Sub(o.At))
	}
	return passed
}

// Earliest is no later than two moments. A believed time that only one of them has
// says nothing of the other.
func Earliest(a, b Stamp) Stamp {
	s := Stamp{Ran: min(a.Ran, b.Ran)}
	if !a.At.IsZero() && !b.At.IsZero() {
		if s.At = a.At; b.At.Before(a.At) {
			s.At = b.At
		}
	}
	return s
}

// Latest is no earlier than two moments. Run time alone does not tell which one was
// the last: none passes while a machine is off, and some is forgotten in a crash.
func Latest(a, b Stamp) Stamp {
	s := Stamp{Ran: max(a.Ran, b.Ran)}
	if !a.At.IsZero() && !b.At.IsZero() {
		if s.At = a.At; b.At.After(a.At) {
			s.At = b.At
		}
	}
	return s
}
