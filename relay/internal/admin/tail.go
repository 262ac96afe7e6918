package admin

import (
	"encoding/json"
	"sync"
	"time"

	"relay/mapper/personal"
)

// Outcome is what `relay tail` and the page show of one conversion: nothing
// of the customer.
type Outcome struct {
	Time      time.Time `json:"time"`
	Outcome   string    `json:"outcome"` // received, delivered, skip, dead, retry, …
	MessageID string    `json:"message_id,omitempty"`
	Event     string    `json:"event,omitempty"`
	EventSet  string    `json:"event_set,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"` // plain words; Meta's are cleaned before
	Code      int       `json:"code,omitempty"`
	Subcode   int       `json:"subcode,omitempty"`
	FBTraceID string    `json:"fbtrace_id,omitempty"`
	Count     int       `json:"count,omitempty"` // when one line stands for several
}

// Tail hands outcomes to whoever watches. Publishing never blocks and costs
// next to nothing while nobody does; a watcher that cannot keep up is told how
// many it missed.
type Tail struct {
	mu       sync.RWMutex
	watchers map[*watcher]struct{}
}

type watcher struct {
	ch     chan Outcome
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
		case w.ch <- o:
		default:
			w.mu.Lock()
			w.missed++
			w.mu.Unlock()
		}
	}
}

func (t *Tail) watch() *watcher {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers == nil {
		t.watchers = make(map[*watcher]struct{})
	}
	w := &watcher{ch: make(chan Outcome, 1024)}
	t.watchers[w] = struct{}{}
	return w
}

func (t *Tail) leave(w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers, w)
}

func (w *watcher) takeMissed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.missed
	w.missed = 0
	return n
}

func (o Outcome) json() []byte {
	b, _ := json.Marshal(o) // of strings and numbers: cannot fail
	return b
}
