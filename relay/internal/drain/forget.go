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

// Exclusive stops a lane while fn runs, for operations that settle its records (move, drop).
// It waits for a request in flight. fn gets the records of which Meta might have stored
// something.
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

// Forget calls fn to remove records from the queue. Meanwhile no lane sends, or keeps
// anything of the records it has read. Forget waits for requests in flight as long as a stop
// does and then cancels them, which leaves their events in doubt. Afterwards no request
// contains a record that fn removed.
func (s *Supervisor) Forget(fn func() error) error {
	s.forgets.Add(1)
	defer s.forgets.Add(-1)
	s.inFlight.wait(s.o.Grace)
	err := fn()
	s.Wake(Forget) // the lanes read again
	return err
}

// inFlight has the requests in flight, at most one for each lane.
type inFlight struct {
	mu       sync.Mutex
	cancels  map[*lane]context.CancelFunc
	finished chan struct{} // closed when the next one has ended
}

// start records that a lane sends a request now. It is false while a forget runs, since the
// request can contain a record that is being removed.
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

// finish records that the lane's request has ended.
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

// wait waits until no request is in flight. After grace it cancels those that are.
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

// forgetPoll is how often a lane checks whether a forget has ended.
const forgetPoll = 50 * time.Millisecond

// forgetRunning reports whether a forget runs, or has ended and the lane has not handled it:
// records that the lane has read might be removed.
func (l *lane) forgetRunning() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.forgets.Load() > 0 || l.reasons&Forget != 0
}

// removedRecords returns the records of the current batch that a forget has removed.
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
		return nil // what is kept of removed records is found by repeating the forget
	}
	for i := range found.Records {
		delete(gone, found.Records[i].Seq)
	}
	return gone
}
