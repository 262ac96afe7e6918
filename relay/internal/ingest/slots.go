package ingest

import "runtime"

// heavy is the size from which a request may not be worked on whenever it likes:
// more than a Segment client sends at once.
const heavy = 512 << 10

// slots bounds how many heavy requests are unpacked and scanned at once, to
// fewer than there are processors: a till's small request must find one.
type slots chan struct{}

func newSlots() slots { return make(slots, max(1, runtime.GOMAXPROCS(0)-1)) }

// take has w wait for a slot when a body of n bytes is heavy and w has none yet.
// It keeps its buffers meanwhile, of which there are only so many. Whoever has
// a slot only computes, so the wait is short, and does not end with the client:
// its events are wanted.
func (s slots) take(w *work, n int) {
	if n >= heavy && !w.heavy {
		s <- struct{}{}
		w.heavy = true
	}
}

// give ends what take began.
func (s slots) give(w *work) {
	if w.heavy {
		w.heavy = false
		<-s
	}
}
