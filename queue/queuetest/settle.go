package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"relay/queue"
)

func testSettle(p part) {
	run(p.T, p.Open, map[string]func(s *subject){
		"settled records are not read":   settleAll,
		"the first of a batch":           settleFirst,
		"one by one":                     settleOneByOne,
		"records appended meanwhile":     settleMeanwhile,
		"other lanes":                    settleOneLane,
		"letters":                        settleLetters,
		"letters of several lanes":       settleLettersOfLanes,
		"cancelled":                      settleCancelled,
		"concurrent lanes":               settleAtOnce,
		"the last of a batch":            settleLast,
		"any order":                      settleShuffled,
		"letters before earlier records": settleLettersFirst,
		"a record in parts":              settleParts,
		"again":                          settleAgain,
		"after a pending record":         settleBehind,
	})
}

func settleAll(s *subject) {
	es, ids := events("m", 30, "a")
	s.stored(es...)
	s.settle("a", s.all("a"))
	s.wants("a")
	s.reopen()
	s.wants("a")
	more, moreIDs := events("more", 3, "a")
	s.stored(more...)
	s.wants("a", moreIDs...)
	s.reopen()
	s.wants("a", moreIDs...)
	if a := s.append(es...); a.Duplicates != len(ids) {
		s.t.Errorf("a settled record was stored again: %+v", a)
	}
}

// The first records of a batch can be settled without the others.
func settleFirst(s *subject) {
	es, ids := events("m", 20, "a")
	s.stored(es[:9]...)
	s.stored(es[9:]...)
	b := s.read("a", 0, Limit{Records: 15})
	s.settle("a", b.Records[:4])
	s.wants("a", ids[4:]...)
	s.settle("a", b.Records[4:12])
	s.wants("a", ids[12:]...)
	s.reopen()
	s.wants("a", ids[12:]...)
	s.settle("a", b.Records[12:])
	s.wants("a", ids[15:]...)
}

func settleOneByOne(s *subject) {
	es, ids := events("m", 12, "a", "b")
	s.stored(es...)
	for i := range ids {
		b := s.read("a", 0, Limit{Records: 1})
		if !slices.Equal(idsOf(b.Records), ids[i:i+1]) {
			s.t.Fatalf("read %q, want %q", idsOf(b.Records), ids[i])
		}
		s.settle("a", b.Records)
		if i%5 == 4 {
			s.reopen()
		}
	}
	s.wants("a")
	s.wants("b", ids...)
}

// A record appended between Read and Settle is not settled with the batch.
func settleMeanwhile(s *subject) {
	s.stored(event("1", "a"), event("2", "a"))
	b := s.read("a", 0, Limit{})
	s.stored(event("3", "a"), event("4", "b"))
	s.settle("a", b.Records)
	s.wants("a", "3")
	s.wants("b", "4")
	s.reopen()
	s.wants("a", "3")
}

// One lane settles a record that is still pending in another.
func settleOneLane(s *subject) {
	es, ids := events("m", 20, "a", "b")
	s.stored(es...)
	s.settle("a", s.all("a"))
	for range 2 {
		s.wants("a")
		s.wants("b", ids...)
		s.reopen()
	}
	s.settle("b", s.all("b")[:7])
	for range 2 {
		s.wants("a")
		s.wants("b", ids[7:]...)
		s.reopen()
	}
}

// Letters are stored once the settlement is confirmed, exactly once, and stay.
func settleLetters(s *subject) {
	es, ids := events("m", 10, "a")
	s.stored(es...)
	records := s.all("a")
	s.settle("a", records[:6], letter(records[1]), letter(records[4]))
	want := []string{"a m-1", "a m-4"}
	for range 2 {
		if got := s.letters(); !slices.Equal(got, want) {
			s.t.Errorf("letters %q, want %q", got, want)
		}
		s.wants("a", ids[6:]...)
		s.reopen()
	}
	page, err := s.log.Dead(s.t.Context(), "", 1)
	if err != nil || len(page) != 1 {
		s.t.Fatalf("dead: %d letters, %v", len(page), err)
	}
	l, r := page[0], records[1]
	if l.ID == "" || l.Lane != "a" || l.Reason != "rejected" || l.Message != "Invalid parameter" || l.Record.ID != r.ID || !l.Record.Received.Equal(r.Received) {
		s.t.Errorf("letter %+v", l)
	}
}

// A record may become a letter in one lane, in several, or in none.
func settleLettersOfLanes(s *subject) {
	es, _ := events("m", 3, "a", "b")
	s.stored(es...)
	a, b := s.all("a"), s.all("b")
	s.settle("a", a, letter(a[0]), letter(a[1]))
	s.settle("b", b, letter(b[1]))
	s.reopen()
	got := s.letters()
	slices.Sort(got)
	if want := []string{"a m-0", "a m-1", "b m-1"}; !slices.Equal(got, want) {
		s.t.Errorf("letters %q, want %q", got, want)
	}
}

// A cancelled settlement has no effect.
func settleCancelled(s *subject) {
	es, ids := events("m", 3, "a")
	s.stored(es...)
	records := s.all("a")
	x := s.settlement("a", records)
	x.Dead, x.Counts = []Letter{letter(records[0])}, map[string]int64{"seen": 3}
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	if _, err := s.log.Settle(ctx, "a", x); !errors.Is(err, context.Canceled) {
		s.t.Errorf("%v, want context.Canceled", err)
	}
	for range 2 {
		s.wants("a", ids...)
		if got := s.letters(); len(got) > 0 {
			s.t.Errorf("letters %q", got)
		}
		if n := s.lane("a").Counts["seen"]; n != 0 {
			s.t.Errorf("%d records are counted", n)
		}
		s.reopen()
	}
}

// Lanes settle concurrently and independently.
func settleAtOnce(s *subject) {
	lanes := []string{"a", "b", "c", "d"}
	es, ids := events("m", 60, lanes...)
	s.stored(es...)
	var xs []Settlement
	for i, lane := range lanes {
		records := s.all(lane)[:10*(i+1)]
		x := s.settlement(lane, records)
		x.Dead = []Letter{letter(records[i])}
		xs = append(xs, x)
	}
	done := make(chan error, len(lanes))
	for i, lane := range lanes {
		go func() {
			_, err := s.log.Settle(s.t.Context(), lane, xs[i])
			done <- err
		}()
	}
	for range lanes {
		if err := <-done; err != nil {
			s.t.Errorf("settle: %v", err)
		}
	}
	var letters []string
	for i, lane := range lanes {
		letters = append(letters, fmt.Sprintf("%s m-%d", lane, i))
	}
	for range 2 {
		for i, lane := range lanes {
			s.wants(lane, ids[10*(i+1):]...)
		}
		got := s.letters()
		slices.Sort(got)
		if !slices.Equal(got, letters) {
			s.t.Errorf("letters %q, want %q", got, letters)
		}
		s.reopen()
	}
}

// The last records of a batch can be settled while the first are pending.
func settleLast(s *subject) {
	es, ids := events("m", 20, "a", "b")
	s.stored(es...)
	records := s.all("a")
	s.settle("a", records[15:])
	s.settle("a", []queue.Record{records[3], records[8]})
	want := slices.Concat(ids[:3], ids[4:8], ids[9:15])
	for range 2 {
		s.wants("a", want...)
		s.wants("b", ids...)
		if n := s.lane("a").Pending; n != int64(len(want)) {
			s.t.Errorf("%d are pending, want %d", n, len(want))
		}
		s.reopen()
	}
	s.settle("a", s.all("a"))
	s.wants("a")
}

// Records are settled one by one in random order; the others keep theirs.
func settleShuffled(s *subject) {
	rng, seed := seeded(s.t)
	es, want := events("m", 40, "a")
	s.stored(es...)
	records := s.all("a")
	rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for i, r := range records {
		s.settle("a", []queue.Record{r})
		want = slices.DeleteFunc(want, func(id string) bool { return id == r.ID })
		if i%9 == 0 {
			s.reopen()
		}
		if got := s.walk("a", Limit{Records: 7}); !slices.Equal(got, want) {
			s.t.Fatalf("seed %d: after %s: %q, want %q", seed, r.ID, got, want)
		}
	}
}

// A letter does not depend on earlier records being settled.
func settleLettersFirst(s *subject) {
	es, ids := events("m", 6, "a")
	s.stored(es...)
	r := s.all("a")[4]
	s.settle("a", []queue.Record{r}, letter(r))
	for range 2 {
		if got := s.letters(); !slices.Equal(got, []string{"a m-4"}) {
			s.t.Errorf("letters %q", got)
		}
		s.wants("a", append(slices.Clone(ids[:4]), ids[5])...)
		s.reopen()
	}
}

// slotsOf returns the settled slots of each pending record of a lane.
func (s *subject) slotsOf(lane string) (out []queue.Slots) {
	s.t.Helper()
	for _, r := range s.all(lane) {
		out = append(out, r.Settled)
	}
	return out
}

// The conversions of a record are settled one by one. The record is pending until all are.
func settleParts(s *subject) {
	es, ids := events("m", 5, "a", "b")
	s.stored(es...)
	records := s.all("a")
	parts := func(parts ...queue.Part) {
		s.t.Helper()
		x := s.settlement("a", nil)
		x.Parts = parts
		s.commit("a", x)
	}
	wants := func(slots ...queue.Slots) {
		s.t.Helper()
		for range 2 {
			if got := s.slotsOf("a"); !slices.Equal(got, slots) {
				s.t.Fatalf("settled in part: %v, want %v", got, slots)
			}
			s.wants("b", ids...)
			if n := s.lane("a").Pending; n != int64(len(slots)) {
				s.t.Errorf("%d are pending, want %d", n, len(slots))
			}
			s.reopen()
		}
	}
	parts(queue.Part{Seq: records[1].Seq, Slots: 1}, queue.Part{Seq: records[3].Seq, Slots: 4})
	wants(0, 1, 0, 4, 0)
	parts(queue.Part{Seq: records[3].Seq, Slots: 1})
	wants(0, 1, 0, 5, 0)
	s.settle("a", []queue.Record{records[0], records[3]})
	wants(1, 0, 0)
	parts(queue.Part{Seq: records[3].Seq, Slots: 2}) // the record is settled: it has no parts
	wants(1, 0, 0)
	s.settle("a", s.all("a"))
	wants()
	if got := s.slotsOf("b"); slices.ContainsFunc(got, func(x queue.Slots) bool { return x != 0 }) {
		s.t.Errorf("the other lane has %v", got)
	}
}

// Settling a record again has no effect: it counts once.
func settleAgain(s *subject) {
	es, ids := events("m", 30, "a")
	s.stored(es...)
	records := s.all("a")
	s.settle("a", records[10:20])
	x := s.settlement("a", nil)
	x.Settled = []queue.Range{{From: records[5].Seq, To: records[25].Seq}}
	s.commit("a", x)
	want := slices.Concat(ids[:5], ids[25:])
	for range 2 {
		s.wants("a", want...)
		if n := s.lane("a").Pending; n != int64(len(want)) {
			s.t.Errorf("%d are pending, want %d", n, len(want))
		}
		s.reopen()
	}
}

// A record stays pending while many later ones are appended and settled.
func settleBehind(s *subject) {
	s.stored(event("suspect", "a", "b"))
	suspect := s.all("a")[0]
	for i := range 40 {
		es, ids := events(fmt.Sprintf("m%d", i), 100, "a", "b")
		s.stored(es...)
		s.wants("a", append([]string{"suspect"}, ids...)...)
		s.settle("a", s.all("a")[1:])
		s.settle("b", s.all("b")[min(i, 1):])
		if i%13 == 0 {
			s.reopen()
		}
		s.wants("a", "suspect")
	}
	s.settle("a", []queue.Record{suspect})
	s.wants("a")
	s.reopen()
	s.wants("a")
	if n := s.lane("a").Pending; n != 0 {
		s.t.Errorf("%d are pending", n)
	}
}
