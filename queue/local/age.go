package local

import (
	"errors"
	"strconv"
	"time"

	"relay/internal/logs"
	"relay/queue/local/internal/room"
)

const (
	noteRan   = "queue/ran" // the accumulated run time, ns
	agesEvery = time.Minute // how often it is put on record, and what is too old goes
)

// openAges goes on with the run time that meta.db has.
func (q *Queue) openAges() {
	ran, err := strconv.ParseInt(string(q.Note(noteRan)), 10, 64)
	if err != nil || ran < 0 {
		ran = 0 // everything counts as younger
	}
	q.age = room.NewAge(time.Duration(ran), q.now())
	q.age.AtLeast(q.ids.Ran())
	told, believed := q.o.Clock()
	q.age.Look(q.now(), told, believed)
	q.ageNoted = q.age.Ran()
}

// over says that more has passed since s than limit.
func (q *Queue) over(s room.Stamp, limit time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.age.Over(s, limit)
}

// lastStamp is stamp as of the keeper's last look at the clock.
func (q *Queue) lastStamp() room.Stamp {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.age.Stamp()
}

// stamp is for what is stored now.
func (q *Queue) stamp() room.Stamp {
	told, believed := q.o.Clock()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.age.Look(q.now(), told, believed)
	return q.age.Stamp()
}

// tellAges looks at the clock and, every agesEvery, notes the run time and
// removes what is too old.
func (q *Queue) tellAges() {
	told, believed := q.o.Clock()
	q.mu.Lock()
	q.age.Look(q.now(), told, believed)
	ran, full := q.age.Ran(), q.full != ""
	due := ran-q.ageNoted >= agesEvery
	if due {
		q.ageNoted = ran
	}
	q.mu.Unlock()
	if !due {
		return
	}
	if !full { // the reserve is not for this
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
	err := q.dead.expire(func(s room.Stamp) bool { return q.over(s, limit) })
	if err != nil {
		q.o.Logger.Warn("cannot remove old dead letters", "code", logs.DeadNotExpired, "err", err)
	}
}
