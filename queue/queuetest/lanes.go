package queuetest

import (
	"maps"
	"time"

	"relay/queue"
)

func testLanes(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"pending records":           lanesPending,
		"counts":                    lanesCounts,
		"state":                     lanesState,
		"the time of the oldest":    lanesOldest,
		"a new log has no lane":     lanesNone,
		"values are copies":         lanesCopies,
		"counted after each reopen": lanesReopened,
	})
}

// pending fails the test unless exactly these records are pending in lane.
func (s *subject) pending(lane string, ids ...string) {
	s.t.Helper()
	size := 0
	for _, id := range ids {
		size += len(bodyOf(id))
	}
	if l := s.lane(lane); l.Name != lane || l.Pending != int64(len(ids)) || l.Bytes != int64(size) {
		s.t.Fatalf("lane %s: %+v, want %d records of %d bytes", lane, l, len(ids), size)
	}
}

func lanesPending(s *subject) {
	es, ids := events("m", 20, "a", "b")
	s.stored(es...)
	s.append(es[0]) // a duplicate is not counted
	s.stored(event("x", "b"))
	s.pending("a", ids...)
	s.pending("b", append(ids, "x")...)
	s.settle("a", s.all("a")[:7])
	s.pending("a", ids[7:]...)
	s.pending("b", append(ids, "x")...)
	s.settle("a", s.all("a"))
	s.pending("a")
	s.reopen()
	s.pending("a")
	s.pending("b", append(ids, "x")...)
}

// Counts add up, per lane, from the first settlement on.
func lanesCounts(s *subject) {
	es, _ := events("m", 10, "a", "b")
	s.stored(es...)
	settle := func(lane string, n int, counts map[string]int64) {
		s.t.Helper()
		x := s.settlement(lane, s.all(lane)[:n])
		x.Counts = counts
		s.commit(lane, x)
	}
	settle("a", 3, map[string]int64{"delivered": 2, "skip": 1})
	settle("a", 2, map[string]int64{"delivered": 1, "dead": 1})
	settle("b", 1, map[string]int64{"skip": 1})
	settle("b", 1, nil)
	for range 2 {
		for lane, want := range map[string]map[string]int64{"a": {"delivered": 3, "skip": 1, "dead": 1}, "b": {"skip": 1}} {
			if got := s.lane(lane).Counts; !maps.Equal(got, want) {
				s.t.Errorf("lane %s counts %v, want %v", lane, got, want)
			}
		}
		s.reopen()
	}
}

// A lane keeps its last state; nil leaves it unchanged, with or without records.
func lanesState(s *subject) {
	es, ids := events("m", 3, "a", "b")
	s.stored(es...)
	check := func(want string) {
		s.t.Helper()
		for range 2 {
			if got := string(s.lane("a").State); got != want {
				s.t.Errorf("state %q, want %q", got, want)
			}
			if got := string(s.lane("b").State); got != "" {
				s.t.Errorf("lane b: state %q", got)
			}
			s.reopen()
		}
	}
	set := func(records []queue.Record, state []byte) {
		s.t.Helper()
		x := s.settlement("a", records)
		x.State = state
		s.commit("a", x)
	}
	set(nil, []byte("paused"))
	s.wants("a", ids...)
	check("paused")
	set(s.all("a")[:1], nil)
	check("paused")
	set(s.all("a")[:1], []byte("again"))
	check("again")
	set(nil, []byte{})
	check("")
	s.wants("a", ids[2:]...)
}

// Oldest ignores settled records and is zero if none is pending.
func lanesOldest(s *subject) {
	for i := range 6 {
		e := event(string(rune('0'+i)), "a")
		e.Received = received.Add(time.Duration(i) * time.Hour)
		s.stored(e)
	}
	for i := range 6 {
		if got, want := s.lane("a").Oldest, received.Add(time.Duration(i)*time.Hour); !got.Equal(want) {
			s.t.Errorf("the oldest of %d is %v, want %v", 6-i, got, want)
		}
		s.settle("a", s.all("a")[:1])
	}
	if got := s.lane("a").Oldest; !got.IsZero() {
		s.t.Errorf("no record is pending, but Oldest is %v", got)
	}
}

func lanesNone(s *subject) {
	for range 2 {
		lanes, err := s.log.Lanes(s.t.Context())
		if err != nil || len(lanes) != 0 {
			s.t.Errorf("%+v %v", lanes, err)
		}
		s.reopen()
	}
}

func lanesCopies(s *subject) {
	s.stored(event("x", "a"), event("y", "a"))
	x := s.settlement("a", s.all("a")[:1])
	state := []byte("state")
	counts := map[string]int64{"delivered": 1}
	x.State, x.Counts = state, counts
	s.commit("a", x)
	state[0], counts["delivered"] = '!', 7
	l := s.lane("a")
	if string(l.State) != "state" || l.Counts["delivered"] != 1 {
		s.t.Errorf("the lane aliases what was passed to Settle: %+v", l)
	}
	l.State[0], l.Counts["delivered"] = '!', 7
	if l := s.lane("a"); string(l.State) != "state" || l.Counts["delivered"] != 1 {
		s.t.Errorf("the lane aliases what Lanes returned: %+v", l)
	}
}

// Pending records are counted from what is stored, however often the log is reopened.
func lanesReopened(s *subject) {
	var a, b []string
	for i := range 5 {
		id := string(rune('0' + i))
		es, ids := events("both-"+id, 6, "a", "b")
		s.stored(es...)
		s.stored(event("only-"+id, "b"))
		a, b = append(a, ids...), append(append(b, ids...), "only-"+id)
		s.settle("a", s.all("a")[:5])
		s.settle("b", s.all("b")[:2])
		a, b = a[5:], b[2:]
		s.reopen()
		s.pending("a", a...)
		s.pending("b", b...)
		s.wants("a", a...)
		s.wants("b", b...)
	}
}
