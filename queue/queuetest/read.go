package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"relay/queue"
)

func testRead(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"same records until settled":     readSame,
		"limit of records":               readRecords,
		"limit of bytes":                 readBytes,
		"from a position":                readPosition,
		"a position at the end":          readBehindEnd,
		"an unknown lane":                readUnknown,
		"a record for several lanes":     readSeveralLanes,
		"a sparse lane":                  readSparse,
		"records belong to the caller":   readCopies,
		"cancelled":                      readCancelled,
		"sequence numbers":               readSequence,
		"while others append and settle": readWhileAppending,
	})
}

// Reading changes nothing: the same records are read again, also after a reopen.
func readSame(s *subject) {
	es, ids := events("m", 30, "a")
	s.stored(es...)
	for range 2 {
		first, again := s.read("a", 0, Limit{Records: 10}), s.read("a", 0, Limit{Records: 10})
		if !slices.Equal(idsOf(first.Records), ids[:10]) || !slices.Equal(idsOf(again.Records), ids[:10]) {
			s.t.Fatalf("read %q, then %q", idsOf(first.Records), idsOf(again.Records))
		}
		for i := range first.Records {
			if first.Records[i].Seq != again.Records[i].Seq {
				s.t.Errorf("%s has two sequence numbers", ids[i])
			}
		}
		s.wants("a", ids...)
		s.reopen()
	}
}

// walk reads a lane to its end with limit and returns the ids.
func (s *subject) walk(lane string, limit Limit) (ids []string) {
	s.t.Helper()
	var from Position
	for {
		b := s.read(lane, from, limit)
		size := 0
		for _, r := range b.Records {
			size += len(r.Body)
		}
		if limit.Records > 0 && len(b.Records) > limit.Records {
			s.t.Fatalf("%d records, limit %d", len(b.Records), limit.Records)
		}
		if limit.Bytes > 0 && len(b.Records) > 1 && int64(size) > limit.Bytes {
			s.t.Fatalf("%d records of %d bytes, limit %d", len(b.Records), size, limit.Bytes)
		}
		ids = append(ids, idsOf(b.Records)...)
		if !b.More {
			return ids
		}
		from = b.Next
	}
}

// More is true exactly if another record follows.
func readRecords(s *subject) {
	var want []string
	for i := range 6 { // several calls: limits fall within a call and between two
		es, ids := events(fmt.Sprint("call-", i), 4, "a")
		s.stored(es...)
		want = append(want, ids...)
	}
	for n := 1; n <= len(want)+1; n++ {
		if got := s.walk("a", Limit{Records: n}); !slices.Equal(got, want) {
			s.t.Fatalf("limit %d: %q, want %q", n, got, want)
		}
		if b := s.read("a", 0, Limit{Records: n}); len(b.Records) != min(n, len(want)) || b.More != (n < len(want)) {
			s.t.Errorf("limit %d: %d records, more %v", n, len(b.Records), b.More)
		}
	}
}

func readBytes(s *subject) {
	var want []string
	for i, n := range []int{100, 100, 9000, 100, 50, 5000, 5000, 100} {
		id := fmt.Sprintf("m-%d", i)
		s.stored(queue.Entry{ID: id, Lanes: []string{"a"}, Received: received, Body: make([]byte, n)})
		want = append(want, id)
	}
	for _, n := range []int64{1, 50, 100, 199, 200, 9000, 9200, 10_000, 1 << 20} {
		if got := s.walk("a", Limit{Bytes: n}); !slices.Equal(got, want) {
			s.t.Fatalf("limit %d: %q, want %q", n, got, want)
		}
	}
	for n, count := range map[int64]int{1: 1, 199: 1, 200: 2, 9199: 2, 9200: 3} {
		if b := s.read("a", 0, Limit{Bytes: n}); len(b.Records) != count {
			s.t.Errorf("limit %d: %d records, want %d", n, len(b.Records), count)
		}
	}
}

// A reader continues beyond what is settled. A position stays valid when records before it and some
// after it are settled.
func readPosition(s *subject) {
	es, ids := events("m", 30, "a", "b")
	s.stored(es...)
	one := s.read("a", 0, Limit{Records: 10})
	two := s.read("a", one.Next, Limit{Records: 10})
	check := func(b Batch, from int) {
		s.t.Helper()
		if !slices.Equal(idsOf(b.Records), ids[from:from+10]) {
			s.t.Errorf("read %q, want %q", idsOf(b.Records), ids[from:from+10])
		}
	}
	check(two, 10)
	check(s.read("a", one.Next, Limit{Records: 10}), 10)
	s.settle("a", one.Records)
	check(s.read("a", one.Next, Limit{Records: 10}), 10)
	check(s.read("a", 0, Limit{Records: 10}), 10)
	s.settle("a", two.Records)
	check(s.read("a", one.Next, Limit{Records: 10}), 20)
	check(s.read("b", 0, Limit{Records: 10}), 0)
}

// A reader at the end continues there when more is appended.
func readBehindEnd(s *subject) {
	var from Position
	for i := range 5 {
		es, ids := events(fmt.Sprint("call-", i), 3, "a")
		s.stored(es...)
		s.stored(event(fmt.Sprint("other-", i), "b"))
		b := s.read("a", from, Limit{})
		if !slices.Equal(idsOf(b.Records), ids) || b.More {
			s.t.Fatalf("read %q more %v, want %q", idsOf(b.Records), b.More, ids)
		}
		from = b.Next
		if b := s.read("a", from, Limit{}); len(b.Records) > 0 || b.More {
			s.t.Fatalf("read at the end: %q", idsOf(b.Records))
		}
	}
}

// A lane without records is empty, and reading does not create it.
func readUnknown(s *subject) {
	empty := s.read("nobody", 0, Limit{})
	s.stored(event("x", "a"))
	b := s.read("nobody", 0, Limit{})
	if len(empty.Records)+len(b.Records) > 0 {
		s.t.Errorf("an unknown lane has %q", idsOf(b.Records))
	}
	if l := s.lane("nobody"); l.Name != "" {
		s.t.Errorf("an unknown lane is listed: %+v", l)
	}
	s.stored(event("y", "nobody"))
	if b := s.read("nobody", b.Next, Limit{}); !slices.Equal(idsOf(b.Records), []string{"y"}) {
		s.t.Errorf("after the first append: %q", idsOf(b.Records))
	}
}

// Each lane reads a record that is for several lanes, and only its own records.
func readSeveralLanes(s *subject) {
	s.stored(event("1", "a"), event("2", "b", "a"), event("3", "c"), event("4", "a", "b", "c"))
	s.stored(event("5", "b"), event("6", "a", "a"))
	for range 2 {
		s.wants("a", "1", "2", "4", "6")
		s.wants("b", "2", "4", "5")
		s.wants("c", "3", "4")
		s.reopen()
	}
}

// A lane with few records among many of other lanes finds them.
func readSparse(s *subject) {
	var want []string
	for i := range 40 {
		es, _ := events(fmt.Sprint("many-", i), 20, "a")
		if i%13 == 5 {
			id := fmt.Sprint("few-", i)
			es[7], want = event(id, "b"), append(want, id)
		}
		s.stored(es...)
	}
	s.wants("b", want...)
	if got := s.walk("b", Limit{Records: 1}); !slices.Equal(got, want) {
		s.t.Errorf("one by one: %q, want %q", got, want)
	}
}

func readCopies(s *subject) {
	es, ids := events("m", 5, "a", "b")
	s.stored(es...)
	b := s.read("a", 0, Limit{})
	for i := range b.Records {
		r := &b.Records[i]
		for j := range r.Body {
			r.Body[j] = '!'
		}
		_ = append(r.Body, "more"...) // must not overwrite the next record
		r.Lanes[0] = "changed"
	}
	s.wants("a", ids...)
	s.wants("b", ids...)
	s.settle("a", b.Records)
	s.wants("b", ids...)
}

func readCancelled(s *subject) {
	s.stored(event("x", "a"))
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	if b, err := s.log.Read(ctx, "a", 0, Limit{}); !errors.Is(err, context.Canceled) || len(b.Records) > 0 {
		s.t.Errorf("%q %v, want context.Canceled", idsOf(b.Records), err)
	}
	s.wants("a", "x")
}

// A record keeps its sequence number, and no other record gets it, even if all earlier records are
// settled and the log is reopened. It lies in exactly one of Batch.Covers.
func readSequence(s *subject) {
	given := make(map[queue.Seq]string)
	for i := range 4 {
		es, _ := events(fmt.Sprint("life-", i), 5, "a")
		s.stored(es...)
		for range 2 {
			b := s.batch("a")
			if len(b.Records) != 5 {
				s.t.Fatalf("%d records", len(b.Records))
			}
			for _, r := range b.Records {
				if id, ok := given[r.Seq]; ok && id != r.ID {
					s.t.Fatalf("%s has sequence number %d, which %s had", r.ID, r.Seq, id)
				}
				given[r.Seq] = r.ID
				in := 0
				for _, c := range b.Covers {
					if c.From <= r.Seq && r.Seq < c.To {
						in++
					}
				}
				if in != 1 {
					s.t.Fatalf("%s, number %d, is in %d of the ranges %v, want 1", r.ID, r.Seq, in, b.Covers)
				}
			}
		}
		if len(given) != 5*(i+1) {
			s.t.Fatalf("%d numbers for %d records", len(given), 5*(i+1))
		}
		s.settle("a", s.all("a"))
		s.reopen()
	}
}

// Readers of two lanes keep up with concurrent appends: each lane reads each of its records once.
func readWhileAppending(s *subject) {
	const callers, calls = 4, 40
	lanes := []string{"a", "b"}
	done := make(chan error, callers)
	log := s.log // a failing test does not wait for the appends
	for c := range callers {
		go func() {
			for i := range calls {
				es, _ := events(fmt.Sprintf("%d-%d", c, i), 3, lanes...)
				if _, err := log.Append(s.t.Context(), es); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	seen := map[string]map[string]bool{"a": {}, "b": {}}
	look := func() {
		for _, lane := range lanes {
			b := s.read(lane, 0, Limit{Records: 50})
			for _, r := range b.Records {
				if seen[lane][r.ID] {
					s.t.Fatalf("lane %s: %s was read twice", lane, r.ID)
				}
				seen[lane][r.ID] = true
			}
			if len(b.Records) > 0 {
				s.settle(lane, b.Records)
			}
		}
	}
	for running := callers; running > 0; {
		select {
		case err := <-done:
			running--
			if err != nil {
				s.t.Errorf("append: %v", err)
			}
		default:
			look()
		}
	}
	for s.lane("a").Pending+s.lane("b").Pending > 0 {
		look()
	}
	for _, lane := range lanes {
		if len(seen[lane]) != callers*calls*3 {
			s.t.Errorf("lane %s: %d records, want %d", lane, len(seen[lane]), callers*calls*3)
		}
	}
}
