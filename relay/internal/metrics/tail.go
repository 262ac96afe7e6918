package metrics

import (
	"sync"

	"relay/mapper/personal"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/privacy"
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
	C      chan api.Outcome
	own    bool // gets what happens here alone
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

// WatchedHere reports whether somebody watches here, of all who listen.
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

// WatchOwn adds a watcher that does not get what was passed on from another relay.
func (t *Tail) WatchOwn() *Watcher {
	w := t.Watch()
	t.mu.Lock()
	defer t.mu.Unlock()
	w.own = true
	return w
}

// Pass hands an outcome at another relay, masked there, to who watches here.
func (t *Tail) Pass(o api.Outcome) { t.hand(o, false) }

// PassMissed tells who watches here that so many of them did not come.
func (t *Tail) PassMissed(n int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.watchers {
		if !w.own {
			w.miss(n)
		}
	}
}

// publish hands o to every watcher, its id and name masked where they may be
// somebody's.
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

// Watch adds a watcher; the caller leaves.
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

// Delivery tells of every conversion of an accepted request; for
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
