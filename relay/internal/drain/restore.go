package drain

import (
	"time"

	"relay/internal/logs"
	"relay/queue"
)

// load takes up the lane's durable state.
func (l *lane) load(st queue.LaneStat) {
	d, err := decodeState(st.State)
	if err != nil {
		// What is settled is known all the same: at most a request is sent twice.
		l.log.Error("the lane's state cannot be read; starting with the first event that waits", "code", logs.StateUnreadable, "err", err)
	}
	l.st = d
	if d.Breaker {
		l.pause, l.alone, l.probeAt = BreakerOpen, true, time.Now().Add(l.settings().ProbeInterval)
	}
	if !d.Next.IsZero() {
		// The clock may have moved since; the wait is never longer than it was.
		now, _ := l.s.clock.now()
		if w := min(d.Next.Sub(now), d.Wait); w > 0 {
			l.notBefore, l.waitFor = time.Now().Add(w), WaitingRetry
			if d.Throttle > 0 {
				l.waitFor = Throttled
			}
		}
	}
}

// reread drops what was read, because the queue's records have changed or more wait.
// What of it is decided is settled first; what is in doubt is made again from the notes.
func (l *lane) reread() {
	l.dropPrefetch()
	if l.work == nil {
		return
	}
	l.decide()
	l.work, l.cur, l.halving, l.unstored = nil, nil, false, true
}
