package watch

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"

	"relay/internal/logs"
)

// dropsPause is the minimum time between two hints of Drops: a file that is being written causes
// many events a second.
const dropsPause = 250 * time.Millisecond

// Drops sends on hints when something in dir might have changed, until ctx ends. The receiver must
// also poll: a network file system reports no changes, and there are no hints in mode poll or off,
// or if the system has no more watches. hints should have room for one; a hint that cannot be sent
// at once is dropped.
func Drops(ctx context.Context, dir, mode string, hints chan<- struct{}, log *slog.Logger) error {
	if mode != "" && mode != Auto {
		<-ctx.Done()
		return nil
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("dropped files are found only by polling", "code", logs.PollingOnly, "err", err)
		<-ctx.Done()
		return nil
	}
	defer func() { _ = notify.Close() }()
	dirs := dirWatch{notify: notify, dirs: map[string]watchedDir{}, log: log}
	// The directory can be replaced by another one of the same name.
	follow := time.NewTicker(30 * time.Second)
	defer follow.Stop()
	dirs.set([]string{nearest(dir)})
	// A hint is sent at once, or when the pause after the last one is over.
	due := time.NewTimer(time.Hour)
	due.Stop()
	defer due.Stop()
	waiting, last := false, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-follow.C:
			dirs.set([]string{nearest(dir)})
		case <-notify.Events:
			waiting = schedule(waiting, due, last)
		case <-notify.Errors: //nolint:errcheck // any error means that changes were missed
			waiting = schedule(waiting, due, last)
		case <-due.C:
			waiting, last = false, time.Now()
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	}
}

// schedule sets due for a hint, unless it is already set.
func schedule(waiting bool, due *time.Timer, last time.Time) bool {
	if !waiting {
		due.Reset(max(0, dropsPause-time.Since(last)))
	}
	return true
}
