package release

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
)

// letters is a queue with dead letters.
type letters struct {
	mu  sync.Mutex
	all []queue.DeadLetter
	err error // of the next calls
}

func (l *letters) DeadLetters(_ string, fn func(queue.DeadLetter) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.all {
		if !fn(d) {
			break
		}
	}
	return l.err
}

func (l *letters) Redrive(ids []string, _ func(queue.DeadLetter) []string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.all)
	l.all = slices.DeleteFunc(l.all, func(d queue.DeadLetter) bool { return slices.Contains(ids, d.ID) })
	return before - len(l.all), nil
}

// A letter is redriven when it is due, not before, and only with a trusted clock and a
// mapping that has its event.
func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		log := &letters{all: []queue.DeadLetter{
			{ID: "now", Event: "Known", EventSet: "701", ReleaseAt: start},
			{ID: "later", Event: "Known", EventSet: "701", ReleaseAt: start.Add(time.Hour)},
			{ID: "unknown", Event: "Unknown", ReleaseAt: start},
			{ID: "no date", Event: "Known", EventSet: "701"},
		}}
		var trusted atomic.Bool
		var redriven atomic.Int64
		r := New(Options{
			Log: log, Logger: slog.New(slog.DiscardHandler),
			Now:      func() (time.Time, bool) { return time.Now(), trusted.Load() },
			Redriven: func(n int) { redriven.Add(int64(n)) },
			Routes: func() func(string) []string {
				return func(event string) []string {
					if event == "Known" {
						return []string{"701"}
					}
					return nil
				}
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		check := func(when string, n int) {
			t.Helper()
			synctest.Wait()
			if got := redriven.Load(); got != int64(n) {
				t.Errorf("%s: %d letters redriven, want %d", when, got, n)
			}
		}
		check("clock not trusted", 0)
		trusted.Store(true)
		r.Check()
		check("clock trusted", 1)
		time.Sleep(59 * time.Minute)
		check("before the hour", 1)
		time.Sleep(2 * time.Minute)
		check("after the hour", 2)
		log.mu.Lock()
		log.all = append(log.all, queue.DeadLetter{ID: "new", Event: "Known", EventSet: "701", ReleaseAt: time.Now().Add(time.Second)})
		log.mu.Unlock()
		r.Due(time.Now().Add(time.Second))
		time.Sleep(2 * time.Second)
		check("a new letter", 3)
		cancel()
		<-done
		if len(log.all) != 2 {
			t.Errorf("%d letters are left, want the unknown one and the one without a date: %+v", len(log.all), log.all)
		}
	})
}
