package queuetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"relay/queue"
)

func testFull(p part) {
	if p.Full == nil {
		p.Skip("this engine has no size limit (Engine.Full)")
	}
	run(p.T, p.Full.Open, map[string]func(s *subject){
		"refused, drained, taken again": func(s *subject) { fullCycle(s, p.Full.Size) },
		"callers at once":               func(s *subject) { fullCallers(s, p.Full.Size) },
	})
}

// large returns an entry of 8 KiB.
func large(id string) queue.Entry {
	return queue.Entry{ID: id, Lanes: []string{"a"}, Received: received, Body: noise(id, source(id), 8<<10)}
}

// fill appends until the log is full. It returns the stored ids and the refused call.
func (s *subject) fill(prefix string, size int64) (ids []string, refused []queue.Entry) {
	s.t.Helper()
	for n := int64(0); n < size; n += 3 * 8 << 10 {
		refused = nil
		for i := range 3 {
			refused = append(refused, large(fmt.Sprintf("%s-%d-%d", prefix, n, i)))
		}
		ctx, cancel := s.ctx()
		a, err := s.log.Append(ctx, refused)
		cancel()
		if full := new(queue.FullError); errors.As(err, &full) {
			if full.RetryAfter <= 0 || full.Reason == "" || a != (queue.Appended{}) {
				s.t.Errorf("%+v, %+v", a, full)
			}
			return ids, refused
		}
		if err != nil || a.Stored != len(refused) {
			s.t.Fatalf("append: %+v %v", a, err)
		}
		for _, e := range refused {
			ids = append(ids, e.ID)
		}
	}
	s.t.Fatalf("%d bytes of bodies were stored and the log is not full", size)
	return nil, nil
}

// taken repeats an append until there is room for it.
func (s *subject) taken(entries []queue.Entry) {
	s.t.Helper()
	for start := time.Now(); ; <-time.After(5 * time.Millisecond) {
		ctx, cancel := s.ctx()
		a, err := s.log.Append(ctx, entries)
		cancel()
		if err == nil {
			if a.Stored != len(entries) {
				s.t.Errorf("part of a refused call was stored: %+v of %d", a, len(entries))
			}
			return
		}
		if full := new(queue.FullError); !errors.As(err, &full) {
			s.t.Fatalf("append: %v", err)
		}
		if time.Since(start) > s.patience() {
			s.t.Fatalf("the log was drained and is still full: %v", err)
		}
	}
}

// A full log refuses whole calls, keeps what it stored, reads and settles, also after a reopen, and
// accepts the refused call once it has drained.
func fullCycle(s *subject, size int64) {
	for round := range 2 {
		ids, refused := s.fill(fmt.Sprint("round-", round), size)
		if len(ids) == 0 {
			s.t.Fatal("nothing was stored")
		}
		got := s.all("a")
		if !slices.Equal(idsOf(got), ids) {
			s.t.Fatalf("full: read %d of %d stored records", len(got), len(ids))
		}
		for _, r := range got {
			if string(r.Body) != string(large(r.ID).Body) {
				s.t.Errorf("the body of %s is not what was appended", r.ID)
			}
		}
		s.settle("a", got[:5])
		s.reopen()
		if got := idsOf(s.all("a")); !slices.Equal(got, ids[5:]) {
			s.t.Fatalf("full, after a reopen: %d records, want %d", len(got), len(ids)-5)
		}
		if got := s.drain("a"); len(got) != len(ids)-5 {
			s.t.Fatalf("drained %d records, want %d", len(got), len(ids)-5)
		}
		s.taken(refused)
		want := make([]string, 0, len(refused))
		for _, e := range refused {
			want = append(want, e.ID)
		}
		if got := s.drain("a"); !slices.Equal(got, want) {
			s.t.Fatalf("after it was full: %q, want %q", got, want)
		}
	}
}

// Several callers reach the limit at once while a reader drains: every confirmed record is read,
// and no refused one.
func fullCallers(s *subject, size int64) {
	const callers = 4
	type outcome struct {
		id    string
		taken bool
		err   error
	}
	outcomes := make(chan outcome, 16)
	for c := range callers {
		go func() {
			for i := range int(size*3/2) / (8 << 10) / callers {
				id := fmt.Sprintf("%d-%d", c, i)
				_, err := s.log.Append(s.t.Context(), []queue.Entry{large(id)})
				o := outcome{id: id, taken: err == nil}
				if full := new(queue.FullError); err != nil && !errors.As(err, &full) {
					o.err = err
				}
				outcomes <- o
			}
			outcomes <- outcome{}
		}()
	}
	taken, refused := make(map[string]bool), 0
	var got []string
	for running := callers; running > 0; {
		o := <-outcomes
		switch {
		case o.err != nil:
			s.t.Errorf("append: %v", o.err)
		case o.id == "":
			running--
		case o.taken:
			taken[o.id] = true
		default:
			if refused++; refused%50 == 1 { // another round for the callers
				b := s.read("a", 0, Limit{Records: 40})
				got = append(got, idsOf(b.Records)...)
				s.settle("a", b.Records)
			}
		}
	}
	if refused == 0 {
		s.t.Error("nothing was refused")
	}
	got = append(got, s.drain("a")...)
	for _, id := range got {
		if !taken[id] {
			s.t.Errorf("%s was read although it was refused or read before", id)
		}
		delete(taken, id)
	}
	if len(taken) > 0 {
		s.t.Errorf("%d records were stored and not read", len(taken))
	}
	s.taken([]queue.Entry{large("after")})
}
