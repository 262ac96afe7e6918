package local

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/queue/local/internal/age"
)

const (
	noteRan   = "queue/ran" // the accumulated run time, ns
	agesEvery = time.Minute // how often it is put on record, and what is too old goes
)

// ages measure how long ago something was stored (age.Clock). Its methods may be called
// with any lock held.
type ages struct {
	now  func() time.Time
	wall func() (now time.Time, trusted bool)

	mu    sync.Mutex
	clock age.Clock
	noted time.Duration // run time on record
}

// begin goes on with a run time; what there is may be of a later moment.
func (a *ages) begin(ran, atLeast time.Duration) {
	a.mu.Lock()
	a.clock = age.NewClock(ran, a.now())
	a.clock.AtLeast(atLeast)
	a.mu.Unlock()
	a.look()
	a.mu.Lock()
	a.noted = a.clock.Ran()
	a.mu.Unlock()
}

// look looks at the clock.
func (a *ages) look() age.Stamp {
	wall, trusted := a.wall()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clock.Update(a.now(), wall, trusted)
	return a.clock.Stamp()
}

// last is look as of the keeper's last.
func (a *ages) last() age.Stamp {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clock.Stamp()
}

// due says that the run time is to be put on record, which it takes as done.
func (a *ages) due() (ran time.Duration, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ran = a.clock.Ran(); ran-a.noted < agesEvery {
		return ran, false
	}
	a.noted = ran
	return ran, true
}

// over says that more has passed since s than limit.
func (a *ages) over(s age.Stamp, limit time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clock.Older(s, limit)
}

// openAges goes on with the run time that meta.db has.
func (q *Queue) openAges() {
	ran, err := strconv.ParseInt(string(q.Note(noteRan)), 10, 64)
	if err != nil || ran < 0 {
		ran = 0 // everything counts as younger
	}
	q.ages.begin(time.Duration(ran), q.ids.Ran())
}

// tellAges looks at the clock and, every agesEvery, notes the run time and
// removes what is too old.
func (q *Queue) tellAges() {
	q.ages.look()
	ran, due := q.ages.due()
	if !due {
		return
	}
	if q.space.why() == "" { // the reserve is not for this
		if err := q.SetNote(noteRan, strconv.AppendInt(nil, int64(ran), 10)); err != nil && !errors.Is(err, ErrClosed) {
			q.o.Logger.Warn("cannot note for how long the queue has been open", "code", logs.RunTimeNotNoted, "err", err)
		}
	}
	q.expireDead()
}

// expireDead removes the letters that are older than Options.DeadMaxAge.
func (q *Queue) expireDead() {
	limit := q.o.DeadMaxAge
	if limit <= 0 {
		return
	}
	err := q.dead.expire(func(s age.Stamp) bool { return q.ages.over(s, limit) })
	if err != nil {
		q.o.Logger.Warn("cannot remove old dead letters", "code", logs.DeadNotExpired, "err", err)
	}
}
