package local

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/logs"
)

// errGone means that written data would not be in the queue directory.
var errGone = errors.New("the queue directory was removed or moved while relay is running: put it back, or stop relay and restore a backup")

// checkDirectory checks whether the directory is still in place.
func (q *Queue) checkDirectory() {
	gone := !q.lock.InPlace()
	if q.health.dirGone.Swap(gone) == gone {
		return
	}
	if gone {
		q.o.Logger.Error("the queue directory is gone: nothing is accepted until it is back", "code", logs.QueueGone, "dir", q.dir)
	} else {
		q.o.Logger.Warn("the queue directory is back", "code", logs.QueueBack, "dir", q.dir)
	}
}

// health is whether the directory is in place, whether the tail takes commits, and the
// last write error. Its methods can be
// called with any lock held.
type health struct {
	dirGone atomic.Bool // the queue directory was removed or moved

	mu     sync.Mutex
	broken error // why the tail takes no commits; nil: it does
	text   string
	at     time.Time
}

// setBroken records why the tail takes no commits.
func (h *health) setBroken(err error, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken, h.text, h.at = err, err.Error(), at
}

// recordError records an error after which the tail still takes commits. It reports whether
// the error differs from the previous one.
func (h *health) recordError(err error, at time.Time) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = h.text != err.Error()
	h.text, h.at = err.Error(), at
	return changed
}

// newTail is called when there is a new tail. The last error stays until a commit is
// confirmed.
func (h *health) newTail() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = nil
}

// confirmed is called when a commit was confirmed.
func (h *health) confirmed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken, h.text = nil, ""
}

// brokenErr returns why the tail takes no commits; nil: it does.
func (h *health) brokenErr() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken
}

func (h *health) last() (text string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text, h.at
}
