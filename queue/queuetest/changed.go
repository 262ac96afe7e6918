package queuetest

import (
	"fmt"
	"time"
)

func testChanged(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"a waiting reader":      changedWakes,
		"between read and wait": changedBetween,
		"each lane of a record": changedLanes,
		"no append is missed":   changedNone,
		"an unknown lane":       changedUnknown,
		"after a reopen":        changedReopened,
	})
}

// woken fails the test unless changed is closed soon.
func (s *subject) woken(changed <-chan struct{}, what string) {
	s.t.Helper()
	late := time.NewTimer(s.patience())
	defer late.Stop()
	select {
	case <-changed:
	case <-late.C:
		s.t.Fatalf("%s: the channel was not closed", what)
	}
}

// next waits for records of lane as drain does: get the channel, read, wait.
func (s *subject) next(lane string) Batch {
	s.t.Helper()
	for {
		changed := s.log.Changed(lane)
		if b := s.read(lane, 0, Limit{}); len(b.Records) > 0 {
			return b
		}
		s.woken(changed, "lane "+lane)
	}
}

func changedWakes(s *subject) {
	for i := range 5 {
		id := fmt.Sprint("m-", i)
		changed := s.log.Changed("a")
		waits, woken := make(chan struct{}), make(chan struct{})
		go func() {
			close(waits)
			<-changed
			close(woken)
		}()
		<-waits
		s.stored(event(id, "a"))
		s.woken(woken, "the reader")
		s.wants("a", id)
		s.settle("a", s.all("a"))
	}
}

// A reader that got the channel before it read does not miss what was appended after it read.
func changedBetween(s *subject) {
	for i := range 5 {
		changed := s.log.Changed("a")
		s.wants("a")
		s.stored(event(fmt.Sprint("m-", i), "a"))
		s.woken(changed, "a reader that waits after the append")
		s.settle("a", s.all("a"))
	}
}

func changedLanes(s *subject) {
	a, b := s.log.Changed("a"), s.log.Changed("b")
	s.stored(event("x", "a", "b"))
	s.woken(a, "lane a")
	s.woken(b, "lane b")
}

func changedUnknown(s *subject) {
	changed := s.log.Changed("new")
	s.stored(event("x", "other"))
	s.stored(event("y", "new"))
	s.woken(changed, "a lane nobody had appended to")
}

func changedReopened(s *subject) {
	s.stored(event("x", "a"))
	s.reopen()
	s.settle("a", s.all("a"))
	changed := s.log.Changed("a")
	s.stored(event("y", "a"))
	s.woken(changed, "a reader of a log that was reopened")
}

// A reader that only waits for Changed reads everything that several callers append.
func changedNone(s *subject) {
	const callers, calls = 3, 60
	done := make(chan error, callers)
	for c := range callers {
		go func() {
			for i := range calls {
				es, _ := events(fmt.Sprintf("%d-%d", c, i), 1, "a")
				if _, err := s.log.Append(s.t.Context(), es); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for seen := 0; seen < callers*calls; {
		b := s.next("a")
		seen += len(b.Records)
		s.settle("a", b.Records)
	}
	for range callers {
		if err := <-done; err != nil {
			s.t.Errorf("append: %v", err)
		}
	}
}
