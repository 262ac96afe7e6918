package local

import (
	"errors"
	"sync"
	"time"

	"relay/internal/logs"
)

// errGone says that what is written would be nowhere.
var errGone = errors.New("the directory of the queue was removed or moved away while relay runs: put it back, or stop relay and restore a backup")

// lookAround finds out whether the directory is where it was.
func (q *Queue) lookAround() {
	gone := !q.lock.InPlace()
	if q.gone.Swap(gone) == gone {
		return
	}
	if gone {
		q.o.Logger.Error("the directory of the queue is gone: nothing is taken until it is back", "code", logs.QueueGone, "dir", q.dir)
	} else {
		q.o.Logger.Warn("the directory of the queue is back", "code", logs.QueueBack, "dir", q.dir)
	}
}

// health says whether the tail takes commits, and what went wrong last. Its methods may
// be called with any lock held.
type health struct {
	mu     sync.Mutex
	broken error // why it takes none
	text   string
	at     time.Time
}

// broke says why the tail takes nothing.
func (h *health) broke(err error, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken, h.text, h.at = err, err.Error(), at
}

// failed keeps an error after which the tail still takes commits. It says whether that is
// another than the one before.
func (h *health) failed(err error, at time.Time) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = h.text != err.Error()
	h.text, h.at = err.Error(), at
	return news
}

// renewed says that there is another tail; what went wrong last stays until a commit is
// confirmed.
func (h *health) renewed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = nil
}

// confirmed says that a commit was.
func (h *health) confirmed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken, h.text = nil, ""
}

// why gives the reason that the tail takes nothing; nil: it does.
func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken
}

func (h *health) last() (text string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text, h.at
}
