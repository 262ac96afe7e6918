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
	s.look()
	return err
}

// Forget has fn take records out of the queue, while no lane makes anything of what it
// has read before that would outlive them. Nothing is sent meanwhile: requests on their
// way are waited for as at a stop, and then cut off, which leaves what is in them in
// doubt. What fn has removed is in no request from then on.
func (s *Supervisor) Forget(fn func() error) error {
	s.forgets.Add(1)
	defer s.forgets.Add(-1)
	s.flights.end(s.o.Grace)
	err := fn()
	s.Wake(Forget) // what a lane has read already is read anew
	return err
}

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
	l.asks(true)
	return true
}

// land says that it has ended.
func (f *flights) land(l *lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, l)
	l.asks(false)
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

// forgetPoll is how often a lane looks whether a forget is over.
const forgetPoll = 50 * time.Millisecond

// forgetting says that records are being taken out of the queue, or were and the lane
// has not heeded it: what it has read may be gone.
func (l *lane) forgetting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.forgets.Load() > 0 || l.reasons&Forget != 0
}

// gone are the records at hand that are not there any more.
func (l *lane) gone() map[queue.Seq]bool {
	if !l.forgetting() {
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
