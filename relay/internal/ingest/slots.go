package ingest

import (
	"runtime"
	"time"
)

// heavyBytes is the size from which a request needs a slot: more than a Segment client sends at
// once.
const heavyBytes = 512 << 10

// slots bounds how many heavy requests are unpacked and scanned at once to fewer than there are
// processors, so that a till's small request finds one free.
type slots chan struct{}

func newSlots() slots { return make(slots, max(1, runtime.GOMAXPROCS(0)-1)) }

// acquire waits for a slot if a body of n bytes is heavy and w has no slot yet. It returns false
// if none became free within timeout. w keeps its buffers meanwhile, and those are bounded. A
// request with a slot only computes, so the wait is short. It does not end when the client goes
// away: its events are stored anyway.
func (s slots) acquire(w *work, n int, timeout time.Duration) bool {
	if n < heavyBytes || w.hasSlot {
		return true
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case s <- struct{}{}:
		w.hasSlot = true
	case <-t.C:
	}
	return w.hasSlot
}

// release frees the slot of w, if it has one.
func (s slots) release(w *work) {
	if w.hasSlot {
		w.hasSlot = false
		<-s
	}
}
