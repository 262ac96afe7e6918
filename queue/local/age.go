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
	keyRan    = "queue/ran" // key of the accumulated run time, ns
	agesEvery = time.Minute // how often it is saved, and old dead letters are removed
)

// ages measures how long ago something was stored (age.Clock). Its methods can be called
// with any lock held.
type ages struct {
	now  func() time.Time
	wall func() (now time.Time, trusted bool)

	mu    sync.Mutex
	clock age.Clock
	saved time.Duration // run time last saved
}

// start continues from a saved run time. Files can prove that atLeast has passed.
func (a *ages) start(ran, atLeast time.Duration) {
	a.mu.Lock()
	a.clock = age.NewClock(ran, a.now())
	a.clock.AtLeast(atLeast)
	a.mu.Unlock()
	a.update()
	a.mu.Lock()
	a.saved = a.clock.Ran()
	a.mu.Unlock()
}

// update reads the clock and returns the current moment.
func (a *ages) update() age.Stamp {
	wall, trusted := a.wall()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clock.Update(a.now(), wall, trusted)
	return a.clock.Stamp()
}

// last returns the moment of the last update.
func (a *ages) last() age.Stamp {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clock.Stamp()
}

// due reports whether the run time must be saved, and takes it as saved.
func (a *ages) due() (ran time.Duration, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ran = a.clock.Ran(); ran-a.saved < agesEvery {
		return ran, false
	}
	a.saved = ran
	return ran, true
}

// older reports whether more than limit has passed since s.
func (a *ages) older(s age.Stamp, limit time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clock.Older(s, limit)
}

// openAges continues from the run time in meta.db.
func (q *Queue) openAges() {
	ran, err := strconv.ParseInt(string(q.Note(keyRan)), 10, 64)
	if err != nil || ran < 0 {
		ran = 0 // ages are then underestimated
	}
	q.ages.start(time.Duration(ran), q.ids.Ran())
}

// updateAges reads the clock and, every agesEvery, saves the run time and removes old dead
// letters.
func (q *Queue) updateAges() {
	q.ages.update()
	ran, due := q.ages.due()
	if !due {
		return
	}
	if q.space.fullReason() == "" { // do not use up the reserve for this
		if err := q.SetNote(keyRan, strconv.AppendInt(nil, int64(ran), 10)); err != nil && !errors.Is(err, ErrClosed) {
			q.o.Logger.Warn("cannot save the run time of the queue", "code", logs.RunTimeNotNoted, "err", err)
		}
	}
	q.expireDead()
}

// expireDead removes dead letters older than Options.DeadMaxAge.
func (q *Queue) expireDead() {
	limit := q.o.DeadMaxAge
	if limit <= 0 {
		return
	}
	err := q.dead.expire(func(s age.Stamp) bool { return q.ages.older(s, limit) })
	if err != nil {
		q.o.Logger.Warn("cannot remove old dead letters", "code", logs.DeadNotExpired, "err", err)
	}
}
