package metrics

import (
	"sync"

	"relay/mapper/personal"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/privacy"
)

// Tail passes outcomes to watchers. Publishing never blocks, and costs almost nothing without
// a watcher. A watcher that cannot keep up gets the number of outcomes it missed.
type Tail struct {
	mu       sync.RWMutex
	watchers map[*Watcher]struct{}
}

// Watcher gets outcomes as they happen.
type Watcher struct {
	C      chan api.Outcome
	own    bool // gets only the outcomes of this relay
	mu     sync.Mutex
	missed int
}

// Watched reports whether there is a watcher, so that callers make no Outcome without one.
func (t *Tail) Watched() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.watchers) > 0
}

// WatchedHere reports whether there is a watcher other than those of WatchOwn.
func (t *Tail) WatchedHere() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.watchers {
		if !w.own {
			return true
		}
	}
	return false
}

// WatchOwn adds a watcher that gets no outcomes of other relays.
func (t *Tail) WatchOwn() *Watcher {
	w := t.Watch()
	t.mu.Lock()
	defer t.mu.Unlock()
	w.own = true
	return w
}

// Pass passes an outcome of another relay, which masked it, to the watchers here.
func (t *Tail) Pass(o api.Outcome) { t.hand(o, false) }

// PassMissed tells the watchers here that n outcomes of another relay are missing.
func (t *Tail) PassMissed(n int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.watchers {
		if !w.own {
			w.miss(n)
		}
	}
}

// publish passes o to every watcher. It masks an id or a name that can be personal.
func (t *Tail) publish(o api.Outcome) {
	if t.Watched() {
		o.MessageID, o.Event = personal.ShowID(o.MessageID), privacy.ShowEvent(o.Event, o.EventSet != "")
	}
	t.hand(o, true)
}

func (t *Tail) hand(o api.Outcome, own bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.watchers {
		if w.own && !own {
			continue
		}
		select {
		case w.C <- o:
		default:
			w.miss(1)
		}
	}
}

func (w *Watcher) miss(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed += n
}

// Watch adds a watcher. The caller must call Leave.
func (t *Tail) Watch() *Watcher {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers == nil {
		t.watchers = make(map[*Watcher]struct{})
	}
	w := &Watcher{C: make(chan api.Outcome, 1024)}
	t.watchers[w] = struct{}{}
	return w
}

// Leave removes a watcher.
func (t *Tail) Leave(w *Watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers, w)
}

// Missed returns how many outcomes w has missed since the last call.
func (w *Watcher) Missed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.missed
	w.missed = 0
	return n
}

// Delivery publishes every conversion of an accepted request. It is for
// drain.Options.Delivered.
func (t *Tail) Delivery(d drain.Delivery) {
	if !t.Watched() {
		return
	}
	for _, it := range d.Items {
		t.publish(api.Outcome{
			Time: d.At, Outcome: "delivered", MessageID: it.MessageID, Event: it.Event, EventSet: d.EventSet,
			FBTraceID: d.FBTraceID,
		})
	}
}
