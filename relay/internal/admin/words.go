package admin

import (
	"time"

	"relay/relay/internal/advice"
)

// laneWords says a lane's state in plain words, and what happens next.
func laneWords(l *LaneInfo, now time.Time, lack string) (headline, next string) {
	w := advice.Lane{State: l.State, Now: now, Usage: l.Usage, Lack: lack, Told: l.told()}
	if l.NextAttemptAt != nil {
		w.Next = *l.NextAttemptAt
	}
	if l.DrainSeconds != nil {
		w.Drain = time.Duration(*l.DrainSeconds * float64(time.Second))
	}
	return advice.ForState(w)
}

// told reports whether the last error is what stopped the lane; its advice says
// what must be done then.
func (l *LaneInfo) told() bool {
	e := l.LastError
	return e != nil && advice.Explains(l.State, e.Class) && (l.LastSuccessAt == nil || e.At.After(*l.LastSuccessAt))
}

// Todo is what must be done about a lane that stands still, and whether it is
// about the very answer that stopped it, not about the state alone.
func (l *LaneInfo) Todo() (words string, told bool) {
	if l.told() {
		return l.LastError.Advice, true
	}
	_, words = advice.ForState(advice.Lane{State: l.State})
	return words, false
}
