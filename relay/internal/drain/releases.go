package drain

import (
	"context"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/track"
)

// releases redrives future-dated dead letters once they are due.
type releases struct {
	s    *Supervisor
	kick chan struct{}

	mu   sync.Mutex
	next time.Time // the earliest known; zero: none
}

func newReleases(s *Supervisor) *releases {
	return &releases{s: s, kick: make(chan struct{}, 1)}
}

// due says that a letter waits for t.
func (r *releases) due(t time.Time) {
	r.mu.Lock()
	if r.next.IsZero() || t.Before(r.next) {
		r.next = t
	}
	r.mu.Unlock()
	r.check()
}

// check looks at the time again.
func (r *releases) check() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// releaseRetry is the time between looks when there is nothing to go by: the
// clock is not believed, or the queue failed.
const releaseRetry = time.Minute

func (r *releases) run(ctx context.Context) {
	scan := true // what is due is not known before the first look
	for ctx.Err() == nil {
		wait := releaseRetry
		if now, believed := r.s.clock.Now(); believed {
			r.mu.Lock()
			next := r.next
			r.mu.Unlock()
			if scan || !next.IsZero() && !now.Before(next) {
				scan = !r.release(now)
				continue
			}
			wait = time.Hour
			if !next.IsZero() {
				wait = min(wait, max(next.Sub(now), time.Second))
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-r.kick:
		}
		t.Stop()
	}
}

// release redrives what is due and finds out when the next one is.
func (r *releases) release(now time.Time) (ok bool) {
	const atOnce = 1000
	m := r.s.o.Mapping()
	if m == nil {
		r.due(now.Add(releaseRetry))
		return true
	}
	route := func(d queue.DeadLetter) []string { return track.RedriveLanes(m.Routes, d) }
	var ids []string
	r.mu.Lock()
	r.next = time.Time{} // letters made from here on are seen by the scan or by due
	r.mu.Unlock()
	next := time.Time{}
	err := r.s.o.Log.DeadLetters("", func(d queue.DeadLetter) bool {
		switch {
		case d.ReleaseAt.IsZero():
		case d.ReleaseAt.After(now):
			if next.IsZero() || d.ReleaseAt.Before(next) {
				next = d.ReleaseAt
			}
		case len(route(d)) == 0: // it stays until a mapping knows its event (Wake)
		default:
			ids = append(ids, d.ID)
		}
		return len(ids) < atOnce
	})
	if len(ids) > 0 && err == nil {
		var n int
		if n, err = r.s.o.Log.Redrive(ids, route); n > 0 {
			r.s.log.Info("future-dated events are due and queued again", "code", logs.Released, "events", n)
			r.s.o.Metrics.Redriven(mapper.ReasonFuture, n)
		}
		next = now // look again: the scan stopped early, or some could not be routed
		if n == 0 || err != nil {
			next = now.Add(releaseRetry)
		}
	}
	if err != nil {
		r.s.log.Error("cannot release future-dated events", "code", logs.ReleaseFailed, "err", err)
		next = now.Add(releaseRetry)
	}
	if !next.IsZero() {
		r.due(next)
	}
	return true
}
