package drain

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// flights are the requests on their way to Meta, one a lane.
type flights struct {
	mu     sync.Mutex
	of     map[*lane]context.CancelFunc
	landed chan struct{} // closed when the next one has ended
}

// depart says that a request of the lane leaves now, unless records are being taken
// out of the queue: it may be of one of them.
func (f *flights) depart(l *lane, cancel context.CancelFunc) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.forgetting() {
		return false
	}
	if f.of == nil {
		f.of = make(map[*lane]context.CancelFunc)
	}
	f.of[l] = cancel
	return true
}

// land says that it has ended.
func (f *flights) land(l *lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, l)
	if f.landed != nil {
		close(f.landed)
		f.landed = nil
	}
}

// end waits until none is on its way, and cuts off those that are after grace.
func (f *flights) end(grace time.Duration) {
	late := time.NewTimer(grace)
	defer late.Stop()
	for {
		f.mu.Lock()
		n := len(f.of)
		if f.landed == nil {
			f.landed = make(chan struct{})
		}
		landed := f.landed
		f.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-landed:
		case <-late.C:
			f.mu.Lock()
			under := slices.Collect(maps.Values(f.of))
			f.mu.Unlock()
			for _, cancel := range under {
				cancel()
			}
		}
	}
}
