package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

func testAppend(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"what is appended is read":    appendKeepsAll,
		"no entries":                  appendNothing,
		"invalid":                     appendInvalid,
		"order":                       appendOrder,
		"durable":                     appendDurable,
		"an id is stored once":        appendOnce,
		"an id from many callers":     appendOnceAmongMany,
		"id spaces are separate":      appendSpaces,
		"the id of another event":     appendConflicts,
		"the id of a sale":            appendSales,
		"cancelled before the call":   appendCancelled,
		"cancelled during the call":   appendCancelledAnytime,
		"bodies belong to the caller": appendBodies,
		"closed":                      appendClosed,
		"order of concurrent callers": appendManyCallers,
		"a large request":             appendLarge,
	})
}

// Every field of an entry is read back, whatever its body.
func appendKeepsAll(s *subject) {
	var want []queue.Entry
	for i, n := range []int{0, 1, 100, 1979, 1980, 1981, 4096, 64 << 10, 300 << 10} {
		id := fmt.Sprintf("size-%d", n)
		e := queue.Entry{ID: id, Lanes: []string{"a"}, Received: received.Add(time.Duration(i) * time.Millisecond), Body: noise(id, source(id), n)}
		if n == 0 {
			e.Body = []byte{}
		}
		if i%2 == 1 {
			e.Flags, e.Lanes = queue.FlagImported, []string{"a", "b"}
		}
		want = append(want, e)
	}
	s.stored(want...)
	check := func() {
		got := s.all("a")
		if len(got) != len(want) {
			s.t.Fatalf("%d records of %d", len(got), len(want))
		}
		for i, r := range got {
			e := want[i]
			lanes := slices.Sorted(slices.Values(r.Lanes))
			if r.ID != e.ID || !slices.Equal(lanes, e.Lanes) || !r.Received.Equal(e.Received) || r.Flags != e.Flags || !bytes.Equal(r.Body, e.Body) {
				s.t.Errorf("record %s %v %v %d (%d bytes), want %s %v %v %d (%d bytes)", r.ID, lanes, r.Received, r.Flags, len(r.Body), e.ID, e.Lanes, e.Received, e.Flags, len(e.Body))
			}
		}
	}
	check()
	s.reopen()
	check()
}

func appendNothing(s *subject) {
	if a := s.append(); a != (queue.Appended{}) {
		s.t.Errorf("%+v", a)
	}
}

// An invalid entry makes the whole call fail.
func appendInvalid(s *subject) {
	good, ids := events("good", 2, "a")
	for name, bad := range map[string]queue.Entry{"no lane": event("bad"), "lane without name": event("bad", "a", ""), "lane whose name is no text": event("bad", "a\xff")} {
		_, err := s.log.Append(s.t.Context(), []queue.Entry{good[0], bad, good[1]})
		if !errors.Is(err, queue.ErrInvalid) {
			s.t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	s.wants("a")
	s.stored(good...) // the failed calls did not store their ids
	s.wants("a", ids...)
}

func appendOrder(s *subject) {
	var want []string
	for i := range 20 {
		es, ids := events(fmt.Sprint("call-", i), 1+i%7, "a")
		s.stored(es...)
		want = append(want, ids...)
	}
	s.wants("a", want...)
	s.reopen()
	s.wants("a", want...)
}

// Confirmed records survive any number of reopens, and so do those appended in between.
func appendDurable(s *subject) {
	var want []string
	for i := range 4 {
		es, ids := events(fmt.Sprint("life-", i), 5, "a")
		s.stored(es...)
		want = append(want, ids...)
		s.reopen()
		s.wants("a", want...)
	}
}

// A duplicate is not an error and stores nothing: within a call, in a later call, after a reopen,
// for another lane, and after the record was settled.
func appendOnce(s *subject) {
	x, y, z := event("x", "a"), event("y", "a", "b"), event("z", "a")
	if a := s.append(x, y, x); a != (queue.Appended{Stored: 2, Duplicates: 1}) {
		s.t.Errorf("duplicate within a call: %+v", a)
	}
	if a := s.append(y, z, event("x", "b")); a != (queue.Appended{Stored: 1, Duplicates: 2}) {
		s.t.Errorf("duplicate in a later call: %+v", a)
	}
	check := func(when string) {
		if a := s.append(z, y, x); a != (queue.Appended{Duplicates: 3}) {
			s.t.Errorf("%s: %+v", when, a)
		}
	}
	check("all known")
	s.wants("a", "x", "y", "z")
	s.wants("b", "y")
	s.reopen()
	check("after a reopen")
	s.settle("a", s.all("a"))
	check("when lane a has settled them")
	s.settle("b", s.all("b"))
	s.reopen()
	check("when all are settled, after a reopen")
	s.wants("a")
	s.wants("b")
}

// The same text is a different key in each space, also after a reopen. Within a space it is the
// same key.
func appendSpaces(s *subject) {
	in := func(space queue.Space, text string) queue.Entry {
		e := event(text, "a")
		if space == queue.ByKey {
			e = event("id of "+text, "a")
			e.Key = text
		}
		e.Space = space
		return e
	}
	spaces := []queue.Space{queue.ByID, queue.ByRefusedID, queue.ByKey, queue.BySale}
	for again := range 3 {
		for _, space := range spaces {
			if a := s.append(in(space, "x")); a.Stored != 1-min(again, 1) {
				s.t.Errorf("space %d, round %d: %+v", space, again, a)
			}
		}
		if again == 1 {
			s.reopen()
		}
	}
	s.wants("a", "x", "x", "id of x", "x")
}

// A sale is stored once per id, whatever its content; different content is counted.
func appendSales(s *subject) {
	of := func(id string, print uint64) queue.Entry {
		e := event(id, "a")
		e.Space, e.Fingerprint = queue.BySale, print
		return e
	}
	check := func(when string, want queue.Appended, entries ...queue.Entry) {
		if a := s.append(entries...); a != want {
			s.t.Errorf("%s: %+v, want %+v", when, a, want)
		}
	}
	check("in one call", queue.Appended{Stored: 2, Duplicates: 2, Changed: 1}, of("x", 1), of("x", 2), of("y", 3), of("x", 1))
	check("later", queue.Appended{Stored: 1, Duplicates: 3, Changed: 1}, of("x", 1), of("y", 4), of("z", 1), of("x", 0))
	s.reopen()
	check("after a reopen", queue.Appended{Duplicates: 3, Changed: 2}, of("x", 2), of("y", 4), of("z", 1))
	s.settle("a", s.all("a"))
	s.reopen()
	check("when all are settled, after a reopen", queue.Appended{Duplicates: 2, Changed: 1}, of("x", 1), of("z", 2))
	s.wants("a")
}

// If two events have the same id, the second is stored, flagged, for LaneConflict, once per
// content: within a call, in a later call and after a reopen. An event without a fingerprint is a
// duplicate.
func appendConflicts(s *subject) {
	of := func(id string, print uint64) queue.Entry {
		e := event(id, "a", "b")
		e.Fingerprint = print
		return e
	}
	check := func(when string, want queue.Appended, entries ...queue.Entry) {
		if a := s.append(entries...); a != want {
			s.t.Errorf("%s: %+v, want %+v", when, a, want)
		}
	}
	check("in one call", queue.Appended{Stored: 2, Duplicates: 2, Conflicts: 1},
		of("x", 1), of("x", 2), of("y", 5), of("x", 1), of("x", 2))
	again := func(when string, print uint64) {
		check(when, queue.Appended{Stored: 1, Duplicates: 3, Conflicts: 1},
			of("x", 2), of("x", 1), event("new "+when, "a", "b"), of("x", 0), of("y", print))
	}
	again("later", 6)
	s.reopen()
	again("after a reopen", 7)
	for _, lane := range []string{"a", "b"} {
		s.wants(lane, "x", "y", "new later", "new after a reopen")
	}
	s.wants(queue.LaneConflict, "x", "y", "y")
	for _, r := range s.all(queue.LaneConflict) {
		if r.Flags&queue.FlagIDConflict == 0 {
			s.t.Errorf("%s is not flagged", r.ID)
		}
	}
	// The conflicting event also gets a kept copy.
	kept := of("x", 8)
	kept.Lanes = append(kept.Lanes, queue.LaneKept)
	check("with a copy that is kept", queue.Appended{Conflicts: 1}, kept)
	s.wants(queue.LaneKept, "x")
	// A conflicting event does not reserve its id, and its content alone does not make another
	// event a duplicate.
	other := of("x", 2)
	other.Space = queue.ByRefusedID
	check("in another space", queue.Appended{Stored: 1}, other)
}

// Many callers append the same ids concurrently: each id is stored by one of them.
func appendOnceAmongMany(s *subject) {
	es, ids := events("same", 60, "a")
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := queue.Appended{}
	const callers = 6
	for c := range callers {
		wg.Go(func() {
			for i := 0; i < len(es); i += 3 {
				at := (i + c*9) % len(es)
				a, err := s.log.Append(s.t.Context(), es[at:at+3])
				if err != nil {
					s.t.Errorf("append: %v", err)
				}
				mu.Lock()
				sum.Stored += a.Stored
				sum.Duplicates += a.Duplicates
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if want := (queue.Appended{Stored: len(es), Duplicates: (callers - 1) * len(es)}); sum != want {
		s.t.Errorf("%+v, want %+v", sum, want)
	}
	got := idsOf(s.all("a"))
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		s.t.Errorf("lane a has %q, want %q", got, ids)
	}
}

// A call whose context has ended stores nothing, and its ids stay unknown.
func appendCancelled(s *subject) {
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	es, ids := events("m", 3, "a")
	if a, err := s.log.Append(ctx, es); !errors.Is(err, context.Canceled) || a != (queue.Appended{}) {
		s.t.Errorf("%+v %v, want context.Canceled", a, err)
	}
	s.wants("a")
	s.stored(es...)
	s.wants("a", ids...)
}

// A context ends during the call: confirmed records are stored, and repeating the other calls
// stores each id once.
func appendCancelledAnytime(s *subject) {
	rng, seed := seeded(s.t)
	var wg sync.WaitGroup
	const calls = 60
	confirmed := make([]bool, calls)
	for i := range calls {
		after := time.Duration(rng.IntN(3000)) * time.Microsecond
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.t.Context(), after)
			defer cancel()
			_, err := s.log.Append(ctx, []queue.Entry{event(fmt.Sprint("m-", i), "a")})
			confirmed[i] = err == nil
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				s.t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	there := idsOf(s.all("a"))
	for i := range calls {
		id := fmt.Sprint("m-", i)
		if confirmed[i] && !slices.Contains(there, id) {
			s.t.Errorf("seed %d: %s was confirmed and cannot be read", seed, id)
		}
		if a := s.append(event(id, "a")); confirmed[i] && a.Duplicates != 1 {
			s.t.Errorf("seed %d: %s was confirmed and then stored again", seed, id)
		}
	}
	got := idsOf(s.all("a"))
	slices.Sort(got)
	if n := len(got); n != calls || len(slices.Compact(got)) != calls {
		s.t.Errorf("seed %d: %d records, want %d", seed, n, calls)
	}
}

// The caller may overwrite its bodies and entries once Append has returned.
func appendBodies(s *subject) {
	es, ids := events("m", 5, "a")
	s.stored(es...)
	for i := range es {
		for j := range es[i].Body {
			es[i].Body[j] = '!'
		}
		es[i].Lanes[0] = "changed"
		es[i] = queue.Entry{}
	}
	s.wants("a", ids...)
	s.wants("changed")
	s.reopen()
	s.wants("a", ids...)
}

func appendClosed(s *subject) {
	l := s.log
	s.close()
	if _, err := l.Append(s.t.Context(), []queue.Entry{event("late", "a")}); !errors.Is(err, queue.ErrClosed) {
		s.t.Errorf("%v, want ErrClosed", err)
	}
	if err := l.Close(); err != nil {
		s.t.Errorf("second close: %v", err)
	}
	s.start()
	s.wants("a")
}

// Concurrent callers do not change the order of each other's records.
func appendManyCallers(s *subject) {
	var wg sync.WaitGroup
	const callers, calls = 8, 15
	for c := range callers {
		wg.Go(func() {
			for i := range calls {
				es, _ := events(fmt.Sprintf("%d-%d", c, i), 2, "a")
				if a, err := s.log.Append(s.t.Context(), es); err != nil || a.Stored != 2 {
					s.t.Errorf("append: %+v %v", a, err)
				}
			}
		})
	}
	wg.Wait()
	var next [callers]int
	got := s.all("a")
	for _, r := range got {
		var c, i, n int
		if _, err := fmt.Sscanf(r.ID, "%d-%d-%d", &c, &i, &n); err != nil {
			s.t.Fatalf("record %q", r.ID)
		}
		if i*2+n != next[c] {
			s.t.Fatalf("record %s read as number %d of its caller", r.ID, next[c])
		}
		next[c]++
	}
	if len(got) != callers*calls*2 {
		s.t.Errorf("%d records, want %d", len(got), callers*calls*2)
	}
}

// 2,500 events, the most that one request may contain, are stored in one call.
func appendLarge(s *subject) {
	es, ids := events("m", 2500, "a")
	s.stored(es...)
	s.wants("a", ids...)
}
