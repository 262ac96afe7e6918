// Package calls bounds how long a caller waits for a disk that can hang.
package calls

import (
	"sync"
	"time"

	"relay/queue"
)

// Set runs calls that wait for the disk. Invariant: at most one call of a name runs at
// a time, and none begins after Close.
type Set struct {
	timeout time.Duration
	wg      sync.WaitGroup

	mu      sync.Mutex
	running map[string]chan struct{} // per name; closed when its call has ended
	closed  bool
}

// New returns a Set whose callers wait no longer than timeout.
func New(timeout time.Duration) *Set {
	return &Set{timeout: timeout, running: make(map[string]chan struct{})}
}

// Do runs fn and returns its error, or queue.ErrStalled when fn takes too long, or
// queue.ErrClosed after Close. A call that hangs keeps its goroutine: later calls of
// the same name wait for it and start no other.
func (s *Set) Do(name string, fn func() error) error {
	t := time.NewTimer(s.timeout)
	defer t.Stop()
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return queue.ErrClosed
		}
		under, busy := s.running[name]
		if !busy {
			done := s.begin(name, fn)
			s.mu.Unlock()
			select {
			case err := <-done:
				return err
			case <-t.C:
				return queue.ErrStalled
			}
		}
		s.mu.Unlock()
		select {
		case <-under:
		case <-t.C:
			return queue.ErrStalled
		}
	}
}

// begin starts a call. The caller holds s.mu.
func (s *Set) begin(name string, fn func() error) <-chan error {
	done, ended := make(chan error, 1), make(chan struct{})
	s.running[name] = ended
	s.wg.Go(func() { // ends when the disk answers; Close waits for it
		err := fn()
		s.mu.Lock()
		delete(s.running, name)
		s.mu.Unlock()
		close(ended)
		done <- err
	})
	return done
}

// Close refuses further calls and waits for those that are running.
func (s *Set) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wg.Wait()
}
