package queuetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

const (
	hangWaves  = 8
	hangCalls  = 40
	hangBody   = 256 << 10 // of each call: 80 MiB are offered in total
	hangMemory = 24 << 20  // of which this much may stay in memory
)

// The disk hangs under a log. Calls return an error, because of their context or of the engine's
// own limit, and memory use stays bounded. Once the disk answers, the log is usable again, and
// every refused id is stored once.
func testHang(p part) {
	if p.Hang == nil {
		p.Skip("the disk under this engine cannot be made to hang (Engine.Hang)")
	}
	v := p.Hang.Volume(p.T)
	s := newSubject(p.T, p.Hang.Open, filepath.Join(v.Dir(), "log"))
	p.Cleanup(v.Thaw) // before the log is closed
	es, ids := events("before", 4, "a", "b")
	s.stored(es...)
	x := s.settlement("a", s.all("a")[:2])
	before := heap()
	v.Freeze()

	s.hangsWithContext()
	tried := s.hangsBounded()
	if grown := heap() - before; grown > hangMemory {
		p.Errorf("%d of %d refused bytes are still in memory", grown, int64(len(tried))*hangBody)
	}
	if err := s.ends(func(ctx context.Context) error {
		_, err := s.log.Settle(ctx, "a", x)
		return err
	}); err == nil {
		p.Error("a settlement is confirmed by a disk that hangs")
	}
	err := s.ends(func(ctx context.Context) error {
		_, err := s.log.Read(ctx, "b", 0, Limit{})
		return err
	})
	p.Logf("read while the disk hangs: %v", err) // from memory, or not at all
	err = s.ends(func(ctx context.Context) error {
		_, err := s.log.Lanes(ctx)
		return err
	})
	p.Logf("lanes while the disk hangs: %v", err)

	v.Thaw()
	if p.Failed() {
		return // later checks would only repeat the failure
	}
	s.recovers(x, ids, tried)
}

// heap is the number of bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// ends fails the test if fn takes longer than the test's patience, whatever it returns.
func (s *subject) ends(fn func(ctx context.Context) error) error {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * s.patience()):
		s.t.Fatal("a call did not return while the disk hung")
		return nil
	}
}

// hangsWithContext: an append ends with its context while the disk hangs.
func (s *subject) hangsWithContext() {
	s.t.Helper()
	err := s.ends(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := s.log.Append(ctx, []queue.Entry{event("impatient", "a")})
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("append with a 50 ms context while the disk hung: %v", err)
	}
}

// hangsBounded offers far more than may wait, in waves, and returns the ids.
func (s *subject) hangsBounded() (ids []string) {
	s.t.Helper()
	for wave := range hangWaves {
		var wg sync.WaitGroup
		for i := range hangCalls {
			id := fmt.Sprintf("frozen-%d-%d", wave, i)
			ids = append(ids, id)
			wg.Go(func() {
				_, err := s.log.Append(s.t.Context(), []queue.Entry{hanging(id)})
				if err == nil {
					s.t.Errorf("%s was confirmed while the disk hung", id)
				}
			})
		}
		if err := s.ends(func(context.Context) error { wg.Wait(); return nil }); err != nil {
			s.t.Error(err)
		}
	}
	return ids
}

func hanging(id string) queue.Entry {
	return queue.Entry{ID: id, Lanes: []string{"a"}, Received: received, Body: append(make([]byte, hangBody), id...)}
}

// recovers uses the log once the disk answers.
func (s *subject) recovers(x Settlement, before, tried []string) {
	s.t.Helper()
	for start := time.Now(); ; <-time.After(5 * time.Millisecond) {
		ctx, cancel := s.ctx()
		_, err := s.log.Append(ctx, []queue.Entry{event("after", "b")})
		cancel()
		if err == nil {
			break
		}
		if time.Since(start) > s.patience() {
			s.t.Fatalf("the disk answers again, but append fails: %v", err)
		}
	}
	s.wants("b", append(before, "after")...)
	if got := s.all("a"); len(got) > 0 && got[0].ID == before[0] {
		s.commit("a", x) // it may have happened in the meantime
	}
	want := append(slices.Clone(before[2:]), "impatient")
	s.append(event("impatient", "a"))
	for _, id := range tried[:24] { // within the limits of a small log
		s.append(hanging(id))
		want = append(want, id)
	}
	for range 2 {
		got := idsOf(s.all("a"))
		have := make(map[string]int)
		for _, id := range got {
			have[id]++
		}
		for _, id := range want {
			if have[id] != 1 {
				s.t.Errorf("%s was read %d times", id, have[id])
			}
		}
		for id, n := range have {
			if n > 1 || !slices.Contains(want, id) && !slices.Contains(tried, id) {
				s.t.Errorf("%s was read %d times", id, n)
			}
		}
		if len(got) < 2 || !slices.Equal(got[:2], before[2:]) {
			s.t.Errorf("lane a begins with %q, want %q", got[:min(2, len(got))], before[2:])
		}
		s.reopen()
	}
}
