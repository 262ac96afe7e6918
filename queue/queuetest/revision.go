package queuetest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"relay/queue"
)

func testRevision(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"stale":        revisionStale,
		"called again": revisionAgain,
		"by others":    revisionOthers,
		"two owners":   revisionRace,
	})
}

// try makes a settlement and fails the test unless it returns want.
func (s *subject) try(lane string, x Settlement, want error) Revision {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	rev, err := s.log.Settle(ctx, lane, x)
	if !errors.Is(err, want) || want == nil && err != nil {
		s.t.Fatalf("settle lane %s: %v, want %v", lane, err, want)
	}
	return rev
}

// A settlement for an old revision has no effect. Made again for the current revision it does.
func revisionStale(s *subject) {
	es, ids := events("m", 6, "a")
	s.stored(es...)
	records := s.all("a")
	x := s.settlement("a", records[:2])
	x.State, x.Counts, x.Dead = []byte("stale"), map[string]int64{"seen": 2}, []Letter{letter(records[1])}
	s.settle("a", records[4:])
	for range 2 {
		s.try("a", x, queue.ErrStale)
		s.wants("a", ids[:4]...)
		if l := s.lane("a"); len(l.State) > 0 || l.Counts["seen"] != 2 || len(s.letters()) > 0 {
			s.t.Errorf("a stale settlement left %+v and the letters %q", l, s.letters())
		}
		s.reopen()
	}
	x.Revision = s.lane("a").Revision
	if rev := s.try("a", x, nil); rev == x.Revision || rev != s.lane("a").Revision {
		s.t.Errorf("Settle returned revision %d, was %d, the lane has %d", rev, x.Revision, s.lane("a").Revision)
	}
	for range 2 {
		s.wants("a", ids[2:4]...)
		if l := s.lane("a"); string(l.State) != "stale" || l.Counts["seen"] != 4 || !slices.Equal(s.letters(), []string{"a m-1"}) {
			s.t.Errorf("the lane is %+v, letters %q", l, s.letters())
		}
		s.reopen()
	}
}

// Repeating the last settlement of a lane has no effect, also after a reopen.
func revisionAgain(s *subject) {
	es, ids := events("m", 6, "a")
	s.stored(es...)
	records := s.all("a")
	s.settle("a", records[:1])
	x := s.settlement("a", records[1:3])
	x.Counts, x.Dead = map[string]int64{"seen": 2}, []Letter{letter(records[2])}
	rev := s.try("a", x, nil)
	for range 3 {
		if again := s.try("a", x, nil); again != rev {
			s.t.Errorf("repeated settlement returned revision %d, then %d", rev, again)
		}
		s.wants("a", ids[3:]...)
		if l := s.lane("a"); l.Counts["seen"] != 3 || l.Revision != rev || !slices.Equal(s.letters(), []string{"a m-2"}) {
			s.t.Errorf("the lane is %+v, letters %q", l, s.letters())
		}
		s.reopen()
		rev = s.lane("a").Revision
	}
	s.settle("a", s.all("a"))
	s.wants("a")
}

// A settlement by another caller makes the owner's revision stale and invalidates what it read; the
// owner's own settlements do not.
func revisionOthers(s *subject) {
	es, ids := events("m", 6, "a")
	s.stored(es...)
	records := s.all("a")
	x, void := s.settlement("a", records[:2]), s.lane("a").Invalidations
	y := s.settlement("a", records[1:4])
	y.Revision = 0
	s.try("a", y, nil)
	if now := s.lane("a").Invalidations; now == void {
		s.t.Error("the other caller's settlement did not raise Invalidations")
	}
	s.wants("a", ids[0], ids[4], ids[5])
	s.try("a", x, queue.ErrStale)
	s.wants("a", ids[0], ids[4], ids[5])
	void = s.lane("a").Invalidations
	x.Revision = s.lane("a").Revision
	s.try("a", x, nil)
	s.settle("a", records[4:5])
	s.wants("a", ids[5])
	if now := s.lane("a").Invalidations; now != void {
		s.t.Error("the owner's settlement raised Invalidations")
	}
}

// If two callers settle a lane for the same revision, one succeeds.
func revisionRace(s *subject) {
	es, _ := events("m", 40, "a")
	s.stored(es...)
	for n := range 10 {
		records := s.all("a")
		rev := s.lane("a").Revision
		var wg sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			x := s.settlement("a", records[i:i+1])
			x.ID, x.Revision = idOf(s.t.Name(), "race", n, i), rev
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), s.patience())
				defer cancel()
				_, errs[i] = s.log.Settle(ctx, "a", x)
			})
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			switch {
			case err == nil:
				made++
			case !errors.Is(err, queue.ErrStale):
				s.t.Fatal(err)
			}
		}
		if left := len(s.all("a")); made != 1 || left != len(records)-1 {
			s.t.Fatalf("%d of 3 settlements succeeded, %d of %d records are left: %v", made, left, len(records), errs)
		}
	}
}
