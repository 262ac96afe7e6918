package drain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

// Exclusive holds a lane still while fn runs, for what settles its records
// behind its back (move, drop). It waits for a request on its way, and says which
// records Meta may have stored something of.
func (s *Supervisor) Exclusive(name string, fn func(inDoubt []queue.Seq) error) error {
	s.mu.Lock()
	if s.stopped[name] {
		s.mu.Unlock()
		return fmt.Errorf("event set %s is being worked on already", name)
	}
	s.stopped[name] = true
	l := s.lanes[name]
	s.mu.Unlock()
	var err error
	if l != nil {
		l.cancel()
		<-l.ended
		err = l.Unsettled()
	}
	if err == nil {
		st, _ := s.o.Log.Lane(name)
		err = fn(InDoubt(st.State))
	}
	s.mu.Lock()
	delete(s.lanes, name)
	delete(s.stopped, name)
	s.mu.Unlock()
	s.startLanes()
	return err
}

// Forget has fn take records out of the queue, while no lane makes anything of what it
// has read before that would outlive them. Nothing is sent meanwhile: requests on their
// way are waited for as at a stop, and then cut off, which leaves what is in them in
// doubt. What fn has removed is in no request from then on.
func (s *Supervisor) Forget(fn func() error) error {
	s.forgets.Add(1)
	defer s.forgets.Add(-1)
	s.inFlight.wait(s.o.Grace)
	err := fn()
	s.Wake(Forget) // what a lane has read already is read anew
	return err
}

// flights are the requests on their way to Meta, one a lane.
type inFlight struct {
	mu       sync.Mutex
	cancels  map[*lane]context.CancelFunc
	finished chan struct{} // closed when the next one has ended
}

// depart says that a request of the lane leaves now, unless records are being taken
// out of the queue: it may be of one of them.
func (f *inFlight) start(l *lane, cancel context.CancelFunc) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.forgetRunning() {
		return false
	}
	if f.cancels == nil {
		f.cancels = make(map[*lane]context.CancelFunc)
	}
	f.cancels[l] = cancel
	l.setAsked(true)
	return true
}

// land says that it has ended.
func (f *inFlight) finish(l *lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cancels, l)
	l.setAsked(false)
	if f.finished != nil {
		close(f.finished)
		f.finished = nil
	}
}

// end waits until none is on its way, and cuts off those that are after grace.
func (f *inFlight) wait(grace time.Duration) {
	late := time.NewTimer(grace)
	defer late.Stop()
	for {
		f.mu.Lock()
		n := len(f.cancels)
		if f.finished == nil {
			f.finished = make(chan struct{})
		}
		finished := f.finished
		f.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-finished:
		case <-late.C:
			f.mu.Lock()
			cancels := slices.Collect(maps.Values(f.cancels))
			f.mu.Unlock()
			for _, cancel := range cancels {
				cancel()
			}
		}
	}
}

// forgetPoll is how often a lane looks whether a forget is over.
const forgetPoll = 50 * time.Millisecond

// forgetting says that records are being taken out of the queue, or were and the lane
// has not heeded it: what it has read may be gone.
func (l *lane) forgetRunning() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.forgets.Load() > 0 || l.reasons&Forget != 0
}

// gone are the records at hand that are not there any more.
func (l *lane) removedRecords() map[queue.Seq]bool {
	if !l.forgetRunning() {
		return nil
	}
	b := l.work
	gone := make(map[queue.Seq]bool, len(b.Records))
	for i := range b.Records {
		gone[b.Records[i].Seq] = true
	}
	var found queue.Batch
	var err error
	if log, ok := l.s.o.Log.(ByNumber); ok {
		found, err = log.ReadSeqs(l.name, slices.Collect(maps.Keys(gone)))
	} else {
		found, err = l.s.o.Log.Read(l.name, b.From, len(b.Records), 1<<62)
	}
	if err != nil {
		return nil // a second forget finds what is kept of them
	}
	for i := range found.Records {
		delete(gone, found.Records[i].Seq)
	}
	return gone
}
