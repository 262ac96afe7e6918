package drain

import (
	"maps"
	"slices"
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
	l.st, l.revision = d, st.Revision
	if d.Breaker {
		l.breaks(l.settings().ProbeInterval)
	}
	if !d.Next.IsZero() {
		// The clock may have moved since; the wait is never longer than it was.
		now, _ := l.s.clock.Now()
		if w := min(d.Next.Sub(now), d.Wait); w > 0 {
			why := WaitingRetry
			if d.Throttle > 0 {
				why = Throttled
			}
			l.rest(w, why)
		}
	}
}

// forgetPoll is how often a lane looks whether a forget is over.
const forgetPoll = 50 * time.Millisecond

// forgetting says that records are being taken out of the queue, or were and the lane
// has not heeded it: what it has read may be gone.
func (l *lane) forgetting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.forgets.Load() > 0 || l.reasons&Forget != 0
}

// gone are the records at hand that are not there any more.
func (l *lane) gone() map[queue.Seq]bool {
	if !l.forgetting() {
		return nil
	}
	b := l.work
	gone := make(map[queue.Seq]bool, len(b.Records))
	for i := range b.Records {
		gone[b.Records[i].Seq] = true
	}
	var found queue.Batch
	var err error
	if log, ok := l.s.o.Log.(ByNumber); ok {
		found, err = log.ReadThese(l.name, slices.Collect(maps.Keys(gone)))
	} else {
		found, err = l.s.o.Log.Read(l.name, b.From, len(b.Records), 1<<62)
	}
	if err != nil {
		return nil // a second forget finds what is kept of them
	}
	for i := range found.Records {
		delete(gone, found.Records[i].Seq)
	}
	return gone
}
