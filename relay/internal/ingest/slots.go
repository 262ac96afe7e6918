package ingest

import (
	"runtime"
	"time"
)

// heavy is the size from which a request may not be worked on whenever it likes:
// more than a Segment client sends at once.
const heavy = 512 << 10

// slots bounds how many heavy requests are unpacked and scanned at once, to
// fewer than there are processors: a till's small request must find one.
type slots chan struct{}

func newSlots() slots { return make(slots, max(1, runtime.GOMAXPROCS(0)-1)) }

// take has w wait for a slot when a body of n bytes is heavy and w has none yet;
// false: it waited for as long as it may. It keeps its buffers meanwhile, of which
// there are only so many. Whoever has a slot only computes, so the wait is short,
// and does not end with the client: its events are wanted.
func (s slots) take(w *work, n int, most time.Duration) bool {
	if n < heavy || w.heavy {
		return true
	}
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case s <- struct{}{}:
		w.heavy = true
	case <-t.C:
	}
	return w.heavy
}

// give ends what take began.
func (s slots) give(w *work) {
	if w.heavy {
		w.heavy = false
		<-s
	}
}
