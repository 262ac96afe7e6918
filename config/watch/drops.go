package watch

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"

	"relay/internal/logs"
)

// dropsPause is the least time between two hints of Drops: a file that is
// being written is many changes a second.
const dropsPause = 250 * time.Millisecond

// Drops says on tell that something in dir may have changed, until ctx ends. A
// hint is all it is: whoever listens looks for himself, and polls besides,
// because a network file system says nothing. With mode poll or off, or where
// the system has no more watches, there are no hints. tell should have room for
// one; a hint that nobody receives is dropped.
func Drops(ctx context.Context, dir, mode string, tell chan<- struct{}, log *slog.Logger) error {
	if mode != "" && mode != Auto {
		<-ctx.Done()
		return nil
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("dropped files are found by polling alone", "code", logs.PollingOnly, "err", err)
		<-ctx.Done()
		return nil
	}
	defer func() { _ = notify.Close() }()
	dirs := dirWatch{notify: notify, dirs: map[string]watchedDir{}, log: log}
	// The directory may be replaced by another one of its name.
	again := time.NewTicker(30 * time.Second)
	defer again.Stop()
	dirs.set([]string{nearest(dir)})
	// A change is told at once, or when the pause behind the last hint is over.
	due := time.NewTimer(time.Hour)
	due.Stop()
	defer due.Stop()
	waiting, last := false, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
			dirs.set([]string{nearest(dir)})
		case <-notify.Events:
			waiting = note(waiting, due, last)
		case <-notify.Errors: //nolint:errcheck // whatever it says, some changes were lost
			waiting = note(waiting, due, last)
		case <-due.C:
			waiting, last = false, time.Now()
			select {
			case tell <- struct{}{}:
			default:
			}
		}
	}
}

// note sets due for a change, unless it is set already.
func note(waiting bool, due *time.Timer, last time.Time) bool {
	if !waiting {
		due.Reset(max(0, dropsPause-time.Since(last)))
	}
	return true
}
