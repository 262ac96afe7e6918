package calls_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/queue/local/internal/calls"
)

func TestDoReturnsError(t *testing.T) {
	bad := errors.New("bad")
	s := calls.New(time.Second)
	for _, want := range []error{nil, bad} {
		if err := s.Do("read", func() error { return want }); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestCallThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := calls.New(time.Second)
		hangs, began := make(chan struct{}), atomic.Int32{}
		hang := func() error { began.Add(1); <-hangs; return nil }
		for range 3 {
			start := time.Now()
			if err := s.Do("read a", hang); !errors.Is(err, queue.ErrStalled) {
				t.Fatalf("got %v", err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("Do returned after %v", took)
			}
		}
		if n := began.Load(); n != 1 {
			t.Errorf("%d goroutines hang in one name", n)
		}
		if err := s.Do("read b", func() error { return nil }); err != nil {
			t.Errorf("another name is blocked, too: %v", err)
		}
		closed := make(chan struct{})
		go func() { s.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while a call hangs")
		default:
		}
		if err := s.Do("read c", hang); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("call after Close: %v", err)
		}
		close(hangs)
		<-closed
	})
}

// A caller that waits for a call of the same name makes its own call afterwards.
func TestSameNameRunsOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := calls.New(time.Second)
		first := make(chan struct{})
		go func() { _ = s.Do("settle", func() error { <-first; return nil }) }()
		synctest.Wait()
		second := make(chan error, 1)
		ran := false
		go func() { second <- s.Do("settle", func() error { ran = true; return nil }) }()
		synctest.Wait()
		if ran {
			t.Error("two calls of one name run at the same time")
		}
		close(first)
		if err := <-second; err != nil || !ran {
			t.Errorf("second: ran %v, %v", ran, err)
		}
	})
}
