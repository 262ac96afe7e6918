package drain

import (
	"maps"
	"time"
)

// show puts the lane's state where others see it. until is the next attempt.
func (l *lane) show(s State, until time.Time) {
	now, _ := l.s.clock.Now()
	next := time.Time{}
	if !until.IsZero() {
		next = now.Add(time.Until(until))
	}
	l.mu.Lock()
	v := &l.shown
	was := v.State
	if was != s {
		v.State, v.Since = s, now
	}
	v.NextAttempt = next
	v.LastError = l.problem
	v.Failures = l.st.Failures
	v.Paused = l.st.Manual
	v.InDoubt = l.cur != nil && l.cur.doubt || l.shelved && len(l.st.Notes) > 0
	v.Usage = l.pace.Usage
	v.InFlight = 0
	if s == Sending && l.cur != nil {
		v.InFlight = len(l.cur.open)
		v.LastAttempt = now
	}
	v.DryRun = nil
	if s == DryRun {
		v.DryRun = maps.Clone(l.dry.counts)
	}
	since := v.Since
	l.mu.Unlock()
	if was != s {
		l.s.o.Metrics.StateChanged(l.name, s, since)
	}
}

func (l *lane) view() LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown
}
