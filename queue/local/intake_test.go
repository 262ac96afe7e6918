package local

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func newIntake(most int64) *intake {
	return &intake{limit: most, timeout: time.Second, wake: make(chan struct{}, 1)}
}

func (in *intake) sized(size int) *request {
	r := in.newRequest(nil)
	r.size = size
	return r
}

// The waiting bytes stay within the limit, except for a single larger request. Blocked callers
// continue when the writer releases space.
func TestIntakeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(100)
		if err := in.enqueue(t.Context(), in.sized(150)); err != nil {
			t.Fatalf("alone: %v", err)
		}
		late := make(chan error, 1)
		go func() { late <- in.enqueue(t.Context(), in.sized(10)) }()
		synctest.Wait()
		if n := in.len(); n != 1 {
			t.Fatalf("%d requests wait above the limit", n)
		}
		taken := in.take(nil, 1<<20)
		synctest.Wait()
		if n := in.len(); n != 0 {
			t.Fatalf("%d requests were accepted while the writer held the space", n)
		}
		in.release(int64(taken[0].size))
		if err := <-late; err != nil || in.waiting() != 10 {
			t.Errorf("%d bytes are waiting, %v", in.waiting(), err)
		}
	})
}

func TestIntakeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(100)
		if err := in.enqueue(t.Context(), in.sized(100)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := in.enqueue(t.Context(), in.sized(1)); !errors.Is(err, ErrBusy) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := in.enqueue(ctx, in.sized(1)); !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends: %v", err)
		}
		if n := len(in.blocked); n != 0 {
			t.Errorf("%d callers that gave up are still waiting", n)
		}
	})
}

// A commit takes the requests that fit, in order, and skips those whose callers gave up.
func TestIntakeTakes(t *testing.T) {
	in := newIntake(1000)
	var all []*request
	for _, size := range []int{40, 30, 50, 500} {
		r := in.sized(size)
		all = append(all, r)
		if err := in.enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	all[1].state.Store(stateGivenUp)
	first := in.take(nil, 100)
	if len(first) != 2 || first[0] != all[0] || first[1] != all[2] {
		t.Errorf("first: %d requests", len(first))
	}
	if n := in.waiting(); n != 590 {
		t.Errorf("%d bytes: space of abandoned requests was not released", n)
	}
	if next := in.take(nil, 100); len(next) != 1 || next[0] != all[3] {
		t.Errorf("next: %d requests; a request larger than a commit must be alone", len(next))
	}
}

func TestIntakeCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(100)
		if err := in.enqueue(t.Context(), in.sized(100)); err != nil {
			t.Fatal(err)
		}
		blocked := make(chan error, 1)
		go func() { blocked <- in.enqueue(t.Context(), in.sized(10)) }()
		synctest.Wait()
		if rest := in.close(); len(rest) != 1 {
			t.Errorf("%d requests were returned", len(rest))
		}
		if err := <-blocked; !errors.Is(err, ErrClosed) {
			t.Errorf("blocked caller: %v", err)
		}
		if err := in.enqueue(t.Context(), in.sized(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("later caller: %v", err)
		}
	})
}
