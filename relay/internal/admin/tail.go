package admin

import (
	"sync"

	"relay/mapper/personal"
)

// Tail hands outcomes to whoever watches. Publishing never blocks and costs
// next to nothing while nobody does; a watcher that cannot keep up is told how
// many it missed.
type Tail struct {
	mu       sync.RWMutex
	watchers map[*Watcher]struct{}
}

// Watcher gets outcomes as they happen.
type Watcher struct {
	C      chan Outcome
	mu     sync.Mutex
	missed int
}

// Watched reports whether anybody listens, for callers that would have to
// work to make an Outcome.
func (t *Tail) Watched() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.watchers) > 0
}

// Publish hands o to every watcher, its id and name masked where they may be
// somebody's.
func (t *Tail) Publish(o Outcome) {
	if t.Watched() {
		o.MessageID, o.Event = personal.ShowID(o.MessageID), showEvent(o.Event, o.EventSet != "")
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.watchers {
		select {
		case w.C <- o:
		default:
			w.mu.Lock()
			w.missed++
			w.mu.Unlock()
		}
	}
}

// Watch adds a watcher; the caller leaves.
func (t *Tail) Watch() *Watcher {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers == nil {
		t.watchers = make(map[*Watcher]struct{})
	}
	w := &Watcher{C: make(chan Outcome, 1024)}
	t.watchers[w] = struct{}{}
	return w
}

// Leave ends what Watch began.
func (t *Tail) Leave(w *Watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers, w)
}

// Missed says how many outcomes came too fast for w since it last asked.
func (w *Watcher) Missed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.missed
	w.missed = 0
	return n
}
