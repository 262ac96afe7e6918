package local

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// modelT is the reference implementation of a queue, with plain slices.
type modelT struct {
	waiting map[string][]waitingT // by lane, in order
	dead    []string              // message id @ lane, in order
	known   map[string]bool       // message ids, and "id>lane" of letters redriven to another lane
}

type waitingT struct {
	rec int // number of the record
	id  string
	had []string // lanes that have it, or had
}

// Random operations in random order are compared with the model.
func TestModel(t *testing.T) {
	steps := 400
	if exam() {
		steps = 20_000
	}
	rng, seed := seeded(t)
	dir := t.TempDir()
	o := Options{SegmentSize: 64 << 10, NoSync: true}
	q := openTest(t, dir, o)
	recs := 0
	m := modelT{waiting: make(map[string][]waitingT), known: make(map[string]bool)}
	lanes := []string{"a", "b", "c"}
	next := 0
	var done []string
	fatal := func(format string, a ...any) {
		t.Helper()
		t.Fatalf("seed %d: %s\n%s", seed, fmt.Sprintf(format, a...), strings.Join(done[max(0, len(done)-12):], "\n"))
	}
	read := func(lane string, most int) Batch {
		b, err := q.Read(lane, 0, most, 0)
		if err != nil {
			fatal("read: %v", err)
		}
		var got, want []string
		for _, w := range m.waiting[lane][:min(most, len(m.waiting[lane]))] {
			want = append(want, w.id)
		}
		for _, r := range b.Records {
			got = append(got, r.ID)
			if string(r.Body) != string(bodyOf(r.ID)) {
				fatal("body of %s", r.ID)
			}
		}
		if !slices.Equal(got, want) || b.More != (len(m.waiting[lane]) > len(want)) {
			fatal("lane %s: read %q (more %v), want %q", lane, got, b.More, want)
		}
		return b
	}
	for step := range steps {
		lane := lanes[rng.IntN(len(lanes))]
		what := rng.IntN(100)
		done = append(done, fmt.Sprintf("step %d: %d on %s", step, what, lane))
		switch {
		case what < 45: // append new and known events
			var es []Entry
			want := Appended{}
			for range 1 + rng.IntN(8) {
				id := fmt.Sprint("m-", next)
				if next > 0 && rng.IntN(6) == 0 {
					id = fmt.Sprint("m-", rng.IntN(next))
				} else {
					next++
				}
				in := slices.DeleteFunc(slices.Clone(lanes), func(string) bool { return rng.IntN(2) == 0 })
				if len(in) == 0 {
					in = []string{lane}
				}
				es = append(es, Entry{ID: id, Lanes: in, Body: bodyOf(id)})
				if m.known[id] {
					want.Duplicates++
					continue
				}
				want.Stored++
				m.known[id] = true
				recs++
				for _, l := range in {
					m.waiting[l] = append(m.waiting[l], waitingT{recs, id, in})
				}
			}
			if a, err := q.Append(t.Context(), es); err != nil || a != want {
				fatal("append: %+v %v, want %+v", a, err, want)
			}
		case what < 75: // read and settle some, some as dead letters
			b := read(lane, 1+rng.IntN(60))
			waits, rest := make([]bool, len(b.Records)), []waitingT(nil)
			for i := range b.Records {
				if waits[i] = rng.IntN(4) == 0; waits[i] {
					rest = append(rest, m.waiting[lane][i])
				}
			}
			s := Settlement{Settled: b.RangesExcept(func(i int) bool { return waits[i] })}
			for i, r := range b.Records {
				if !waits[i] && rng.IntN(8) == 0 {
					s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: lane, Reason: "rejected", Body: r.Body})
					m.dead = append(m.dead, r.ID+"@"+lane)
				}
			}
			m.waiting[lane] = append(rest, m.waiting[lane][len(b.Records):]...)
			if err := settle(q, lane, s); err != nil {
				fatal("settle: %v", err)
			}
		case what < 80: // redrive or drop letters
			ids, _ := deadIDs(t, q)
			if len(ids) == 0 {
				continue
			}
			i := rng.IntN(len(ids))
			if rng.IntN(2) == 0 {
				if n, err := q.DropDead(ids[i]); n != 1 || err != nil {
					fatal("drop: %d %v", n, err)
				}
			} else {
				if n, err := q.Redrive(ids[i:i+1], func(DeadLetter) []string { return []string{lane} }); n != 1 || err != nil {
					fatal("redrive: %d %v", n, err)
				}
				id, from, _ := strings.Cut(m.dead[i], "@")
				if to := id + ">" + lane; from == lane || !m.known[to] {
					m.known[to] = m.known[to] || from != lane
					recs++
					m.waiting[lane] = append(m.waiting[lane], waitingT{recs, id, []string{lane}})
				}
			}
			m.dead = slices.Delete(m.dead, i, i+1)
		case what < 84: // drop a lane
			if err := q.DropLane(lane); err != nil && !errors.Is(err, ErrNotFound) {
				fatal("drop lane: %v", err)
			}
			m.waiting[lane] = nil
		case what < 87: // forget a person
			if next == 0 {
				continue
			}
			who := fmt.Sprint("m-", rng.IntN(next))
			if _, err := forgetWhere(q, func(r Record) bool { return r.ID == who }); err != nil {
				fatal("forget: %v", err)
			}
			for l := range m.waiting {
				m.waiting[l] = slices.DeleteFunc(m.waiting[l], func(w waitingT) bool { return w.id == who })
			}
			m.dead = slices.DeleteFunc(m.dead, func(d string) bool { return strings.HasPrefix(d, who+"@") })
		case what < 90: // move a lane
			to := lanes[rng.IntN(len(lanes))]
			if to == lane {
				continue
			}
			if _, err := q.MoveLane(lane, to); err != nil && !errors.Is(err, ErrNotFound) {
				fatal("move lane: %v", err)
			}
			var stay []waitingT
			there := slices.Clone(m.waiting[to])
			for _, w := range m.waiting[lane] { // a lane that had it does not get it again, and it is not lost
				switch {
				case slices.ContainsFunc(there, func(o waitingT) bool { return o.rec == w.rec }):
				case slices.Contains(w.had, to):
					stay = append(stay, w)
				default:
					recs++
					others := slices.DeleteFunc(slices.Clone(w.had), func(l string) bool { return l == lane })
					m.waiting[to] = append(m.waiting[to], waitingT{recs, w.id, append(others, to)})
				}
			}
			m.waiting[lane] = stay
		case what < 93: // compact segments
			q.compactSparse()
		case what < 96:
			if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
				fatal("rotate: %v", err)
			}
		case what < 98:
			if err := q.Close(); err != nil {
				fatal("close: %v", err)
			}
			q = openTest(t, dir, o)
		default:
			crash(t, q)
			q = openTest(t, dir, o)
		}
		if step%10 == 0 {
			opened(t, q)
			for _, l := range lanes {
				read(l, 1+rng.IntN(2000))
				if n := waiting(t, q, l); n != int64(len(m.waiting[l])) {
					fatal("lane %s counts %d, want %d", l, n, len(m.waiting[l]))
				}
			}
			var got []string
			if err := q.DeadLetters("", func(d DeadLetter) bool {
				got = append(got, d.MessageID+"@"+d.EventSet)
				return true
			}); err != nil {
				fatal("dead letters: %v", err)
			}
			if !slices.Equal(got, m.dead) {
				fatal("dead letters %q, want %q", got, m.dead)
			}
			if st := q.Stats(); st.BadSegments+st.BadChunks > 0 || st.LostRecords > 0 {
				fatal("damage: %+v", st)
			}
		}
	}
	t.Logf("%d steps, %d events", steps, next)
}
