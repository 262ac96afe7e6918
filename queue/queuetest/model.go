package queuetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"relay/queue"
)

// model is a log as it should be, made of plain slices and maps.
type model struct {
	*subject
	rng     *rand.Rand
	seed    uint64
	lanes   []string
	waiting map[string][]string // lane: ids, in order
	letters []string            // "lane id"
	counts  map[string]int64    // lane: records settled
	known   map[string]bool     // ids ever stored
	next    int                 // number of the next id
	last    []string            // the last steps
}

// Random operations in random order, compared with the model.
func testModel(p part) {
	rng, seed := seeded(p.T)
	m := &model{
		subject: newSubject(p.T, p.Open, p.TempDir()), rng: rng, seed: seed, lanes: []string{"a", "b", "c"},
		waiting: make(map[string][]string), counts: make(map[string]int64), known: make(map[string]bool),
	}
	steps := times(300, 6000)
	for i := range steps {
		m.step(i)
	}
	m.compare()
	p.Logf("%d steps, %d events, %d letters", steps, m.next, len(m.letters))
}

func (m *model) step(i int) {
	lane := m.lanes[m.rng.IntN(len(m.lanes))]
	what := m.rng.IntN(100)
	m.last = append(m.last, fmt.Sprintf("step %d: %d on %s", i, what, lane))
	m.last = m.last[max(0, len(m.last)-12):]
	switch {
	case what < 45:
		m.appendSome(lane)
	case what < 90:
		m.settleSome(lane)
	case what < 94:
		m.reopen()
	default:
		m.compare()
	}
}

func (m *model) fail(format string, a ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d: %s\n%s", m.seed, fmt.Sprintf(format, a...), strings.Join(m.last, "\n"))
}

// appendSome appends new and known ids to lanes.
func (m *model) appendSome(lane string) {
	m.t.Helper()
	var entries []queue.Entry
	want := queue.Appended{}
	for range 1 + m.rng.IntN(8) {
		id := fmt.Sprint("m-", m.next)
		if m.next > 0 && m.rng.IntN(6) == 0 {
			id = fmt.Sprint("m-", m.rng.IntN(m.next))
		} else {
			m.next++
		}
		lanes := slices.DeleteFunc(slices.Clone(m.lanes), func(string) bool { return m.rng.IntN(2) == 0 })
		if len(lanes) == 0 {
			lanes = []string{lane}
		}
		entries = append(entries, event(id, lanes...))
		if m.known[id] {
			want.Duplicates++
			continue
		}
		want.Stored++
		m.known[id] = true
		for _, l := range lanes {
			m.waiting[l] = append(m.waiting[l], id)
		}
	}
	if got := m.append(entries...); got != want {
		m.fail("append: %+v, want %+v", got, want)
	}
}

// settleSome reads a lane and settles part of what it found, some of it as letters.
func (m *model) settleSome(lane string) {
	m.t.Helper()
	records := m.check(lane, 1+m.rng.IntN(60))
	records = slices.DeleteFunc(records, func(queue.Record) bool { return m.rng.IntN(3) == 0 })
	var dead []Letter
	for _, r := range records {
		m.waiting[lane] = slices.DeleteFunc(m.waiting[lane], func(id string) bool { return id == r.ID })
		if m.rng.IntN(8) == 0 {
			dead = append(dead, letter(r))
			m.letters = append(m.letters, lane+" "+r.ID)
		}
	}
	m.counts[lane] += int64(len(records))
	m.settle(lane, records, dead...)
}

// check reads at most n records of lane and compares them with the model.
func (m *model) check(lane string, n int) []queue.Record {
	m.t.Helper()
	b := m.read(lane, 0, Limit{Records: n})
	want := m.waiting[lane][:min(n, len(m.waiting[lane]))]
	if !slices.Equal(idsOf(b.Records), want) || b.More != (len(m.waiting[lane]) > len(want)) {
		m.fail("lane %s: read %q (more %v), want %q", lane, idsOf(b.Records), b.More, want)
	}
	for _, r := range b.Records {
		if string(r.Body) != string(bodyOf(r.ID)) {
			m.fail("the body of %s is not what was appended", r.ID)
		}
	}
	return b.Records
}

// compare compares the whole log with the model.
func (m *model) compare() {
	m.t.Helper()
	for _, lane := range m.lanes {
		if got := m.walk(lane, Limit{Records: 1 + m.rng.IntN(40), Bytes: int64(m.rng.IntN(20_000))}); !slices.Equal(got, m.waiting[lane]) {
			m.fail("lane %s has %q, want %q", lane, got, m.waiting[lane])
		}
		if l := m.lane(lane); l.Pending != int64(len(m.waiting[lane])) || l.Counts["seen"] != m.counts[lane] {
			m.fail("lane %s: %d are pending and %d counted, want %d and %d", lane, l.Pending, l.Counts["seen"], len(m.waiting[lane]), m.counts[lane])
		}
	}
	if got := m.subject.letters(); !slices.Equal(got, m.letters) {
		m.fail("letters %q, want %q", got, m.letters)
	}
}
