// Package release redrives future-dated dead letters once they are due.
package release

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/track"
)

// Options configures Releases. Every field must be set.
type Options struct {
	Log      Log
	Routes   func() func(event string) []string // of the current mapping; nil while there is none
	Now      func() (t time.Time, trusted bool)
	Redriven func(n int)
	Logger   *slog.Logger
}

// Log is the part of a queue that Releases uses.
type Log interface {
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
}

// Releases redrives letters that are due. It is safe for concurrent use.
type Releases struct {
	o    Options
	kick chan struct{}

	mu   sync.Mutex
	next time.Time // when the earliest known letter is due; zero: none
}

// New makes a Releases; nothing happens before Run.
func New(o Options) *Releases {
	return &Releases{o: o, kick: make(chan struct{}, 1)}
}

// Due tells Releases that a letter is due at t.
func (r *Releases) Due(t time.Time) {
	r.mu.Lock()
	if r.next.IsZero() || t.Before(r.next) {
		r.next = t
	}
	r.mu.Unlock()
	r.Check()
}

// Check has Run check the time again.
func (r *Releases) Check() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// retry is the interval of attempts while the clock is not trusted, there is no mapping, or
// the queue fails.
const retry = time.Minute

// Run redrives what is due until ctx ends.
func (r *Releases) Run(ctx context.Context) {
	scan := true // before the first scan, it is unknown what is due
	for ctx.Err() == nil {
		wait := retry
		if now, trusted := r.o.Now(); trusted {
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

// release redrives the letters that are due, and sets when the next one is.
func (r *Releases) release(now time.Time) (ok bool) {
	const atOnce = 1000
	routes := r.o.Routes()
	if routes == nil {
		r.Due(now.Add(retry))
		return true
	}
	route := func(d queue.DeadLetter) []string { return track.RedriveLanes(routes, d) }
	var ids []string
	r.mu.Lock()
	r.next = time.Time{} // letters made from now on are found by the scan or passed to Due
	r.mu.Unlock()
	next := time.Time{}
	err := r.o.Log.DeadLetters("", func(d queue.DeadLetter) bool {
		switch {
		case d.ReleaseAt.IsZero():
		case d.ReleaseAt.After(now):
			if next.IsZero() || d.ReleaseAt.Before(next) {
				next = d.ReleaseAt
			}
		case len(route(d)) == 0: // it stays until a mapping has its event (Supervisor.Wake)
		default:
			ids = append(ids, d.ID)
		}
		return len(ids) < atOnce
	})
	if len(ids) > 0 && err == nil {
		var n int
		if n, err = r.o.Log.Redrive(ids, route); n > 0 {
			r.o.Logger.Info("future-dated events are due and queued again", "code", logs.Released, "events", n)
			r.o.Redriven(n)
		}
		next = now // scan again: the scan stopped early, or some letters could not be redriven
		if n == 0 || err != nil {
			next = now.Add(retry)
		}
	}
	if err != nil {
		r.o.Logger.Error("cannot release future-dated events", "code", logs.ReleaseFailed, "err", err)
		next = now.Add(retry)
	}
	if !next.IsZero() {
		r.Due(next)
	}
	return true
}
