package admin

import (
	"time"

	"relay/relay/internal/advice"
	"relay/relay/internal/api"
)

// laneWords says a lane's state in plain words, and what happens next.
func laneWords(l *api.LaneInfo, now time.Time, lack string) (headline, next string) {
	w := advice.Lane{State: l.State, Now: now, Usage: l.Usage, Lack: lack, Told: l.Told()}
	if l.NextAttemptAt != nil {
		w.Next = *l.NextAttemptAt
	}
	if l.DrainSeconds != nil {
		w.Drain = time.Duration(*l.DrainSeconds * float64(time.Second))
	}
	return advice.ForState(w)
}
