package jetstream

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/ident"
)

// testLog is a log without servers: for what is decided in memory alone.
func testLog(t testing.TB) *Log {
	t.Helper()
	keys, err := seal.NewKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{ring: seal.NewRing(keys), view: newView(), options: Options{}.withDefaults()}
}

// idHash is the hash of a number as an id.
func idHash(n int) (h ident.Hash) {
	le.PutUint32(h[:], uint32(n))
	return h
}

// chunkSpec is a chunk that several views admit, each as an entry of its own.
type chunkSpec struct {
	place
	number queue.Seq
	ids    []int
}

// lanesOf are the lanes of an id: the same in every copy.
func lanesOf(id int) []string { return [][]string{{"a"}, {"b"}, {"a", "b"}}[id%3] }

func (c *chunkSpec) entry() *entry {
	e := newEntry(c.stream, c.seq, c.number, 1)
	for _, id := range c.ids {
		e.add(idHash(id), 1, lanesOf(id), []byte("x"), 0)
	}
	return e
}

// learn admits a chunk, as followStream does.
func (v *view) learn(c *chunkSpec) {
	v.admit(c.entry())
	for v.entries[place{c.stream, v.readTo[c.stream]}] != nil {
		v.advance(c.stream, v.readTo[c.stream]+1)
	}
}

// pendingIDs are the ids that a lane will read.
func (v *view) pendingIDs(lane string) map[int]int {
	out := make(map[int]int)
	for _, e := range v.lane(lane).entries {
		for i := range e.records {
			if e.isFor(i, lane) && e.isPending(e.lanes[lane], i) {
				out[int(le.Uint32(e.records[i].hash[:]))]++
			}
		}
	}
	return out
}

// Several processes learn the chunks in different orders, with copies of some records, and settle in
// turn. Once they know all chunks they agree on what is pending: what no process has settled, each id once.
func TestProcessesAgree(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var chunks []*chunkSpec
		var next [streams]uint64
		for n := range 30 {
			c := &chunkSpec{place: place{stream: rng.IntN(streams)}, number: queue.Seq(n+1) << 16}
			next[c.stream]++
			c.seq = next[c.stream]
			for range 1 + rng.IntN(6) {
				if id := rng.IntN(60); !slices.Contains(c.ids, id) {
					c.ids = append(c.ids, id)
				}
			}
			chunks = append(chunks, c)
		}
		processes := []*Log{testLog(t), testLog(t), testLog(t)}
		unknown := make([][]*chunkSpec, len(processes)) // in the order in which each will learn them
		for i := range unknown {
			unknown[i] = slices.Clone(chunks)
			rng.Shuffle(len(chunks), func(a, b int) { unknown[i][a], unknown[i][b] = unknown[i][b], unknown[i][a] })
		}
		settled := map[string]map[int]bool{"a": {}, "b": {}}
		for rev := uint64(1); rev < 60; rev++ {
			for i, l := range processes {
				for n := rng.IntN(3); n > 0 && len(unknown[i]) > 0; n-- {
					l.view.learn(unknown[i][0])
					unknown[i] = unknown[i][1:]
				}
			}
			by := processes[rng.IntN(len(processes))]
			lane := []string{"a", "b"}[rng.IntN(2)]
			by.settleSome(t, rng, lane, rev, settled[lane], processes)
			for i, l := range processes {
				l.checkView(t, fmt.Sprintf("seed %d, revision %d, process %d", seed, rev, i), settled, len(unknown[i]) == 0)
			}
		}
		for i, l := range processes {
			for _, c := range unknown[i] {
				l.view.learn(c)
			}
		}
		for lane := range settled {
			want := processes[0].view.pendingIDs(lane)
			for i, l := range processes {
				if got := l.view.pendingIDs(lane); !maps.Equal(got, want) {
					t.Fatalf("seed %d: lane %s: process %d has %v pending, process 0 has %v", seed, lane, i, got, want)
				}
			}
			for _, c := range chunks {
				for _, id := range c.ids {
					if slices.Contains(lanesOf(id), lane) && !settled[lane][id] && want[id] != 1 {
						t.Fatalf("seed %d: lane %s: %d is pending %d times and was not settled", seed, lane, id, want[id])
					}
				}
			}
		}
	}
}

// settleSome settles some of what a lane has pending, and has every process read the row.
func (l *Log) settleSome(t *testing.T, rng *rand.Rand, lane string, rev uint64, settled map[int]bool, all []*Log) {
	t.Helper()
	var ranges []queue.Range
	for _, e := range l.view.lane(lane).entries {
		for i := range e.records {
			if e.isFor(i, lane) && e.isPending(e.lanes[lane], i) && rng.IntN(4) == 0 {
				at := e.base() + queue.Seq(i)
				ranges = append(ranges, queue.Range{From: at, To: at + 1})
				settled[int(le.Uint32(e.records[i].hash[:]))] = true
			}
		}
	}
	c, err := l.planSettlement(lane, &queue.Settlement{Settled: ranges}, rng.Uint64())
	if err != nil || c == nil {
		t.Fatalf("plan: %v %v", c, err)
	}
	data, err := l.encodeRow(&c.row)
	if err != nil {
		t.Fatal(err)
	}
	l.view.applyPlan(c, rev)
	for _, other := range all {
		if other == l {
			continue
		}
		r, err := other.decodeRow(lane, data)
		if err != nil {
			t.Fatal(err)
		}
		other.view.applyRow(&r, rev)
	}
}

// checkView checks that each id is pending at most once, that the rows cover no record that is not
// settled, and in a view that is complete that nothing settled is pending. A process that does not know
// the copy that another one settled still has its own pending.
func (l *Log) checkView(t *testing.T, when string, settled map[string]map[int]bool, complete bool) {
	t.Helper()
	for lane, done := range settled {
		for id, n := range l.view.pendingIDs(lane) {
			if n != 1 || complete && done[id] {
				t.Fatalf("%s, lane %s: %d is pending %d times; settled: %v", when, lane, id, n, done[id])
			}
		}
		ln := l.view.lane(lane)
		for _, e := range ln.entries {
			for k := range e.records {
				if e.isFor(k, lane) && ln.row.settles(e) && !e.lanes[lane].settled.has(k) {
					t.Fatalf("%s, lane %s: the row covers message %v, of which record %d is not settled", when, lane, e.place, k)
				}
			}
		}
	}
}

// What a settlement does depends on the lane's revision, its epoch and its last settlement.
func TestPlanSettlement(t *testing.T) {
	l := testLog(t)
	l.view.learn(&chunkSpec{place: place{0, 1}, number: 1 << 16, ids: []int{0, 3}})
	l.epoch = 5
	ln := l.view.lane("a")
	ln.row, ln.revision = row{Lane: "a", LastID: 7, Epoch: 5, State: []byte("s"), Counts: map[string]int64{"sent": 2}}, 10
	current := queue.Revision(11)
	if c, err := l.planSettlement("a", &queue.Settlement{ID: 7, Revision: 3}, 1); c != nil || err != nil {
		t.Errorf("the lane's last settlement again: %v %v, want nothing to do", c, err)
	}
	if _, err := l.planSettlement("a", &queue.Settlement{ID: 8, Revision: current - 1}, 1); !errors.Is(err, queue.ErrStale) {
		t.Errorf("another revision: %v, want ErrStale", err)
	}
	c, err := l.planSettlement("a", &queue.Settlement{ID: 8, Revision: current, Counts: map[string]int{"sent": 1, "dead": 1}, Settled: []queue.Range{{From: 0, To: 1 << 40}}}, 9)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.row; r.LastID != 8 || r.Tag != 9 || r.Epoch != 5 || string(r.State) != "s" || r.Invalidations != 0 || !maps.Equal(r.Counts, map[string]int64{"sent": 3, "dead": 1}) ||
		!slices.Equal(r.Settled[0], []span{{1, 2}}) || c.revision != 10 {
		t.Errorf("the owner's settlement: %+v for revision %d", r, c.revision)
	}
	if ln.row.Counts["sent"] != 2 || len(ln.row.Settled[0]) != 0 {
		t.Errorf("planning changed the lane: %+v", ln.row)
	}
	c, err = l.planSettlement("a", &queue.Settlement{State: []byte{}, Parts: []queue.Part{{Seq: l.view.entries[place{0, 1}].base() + 1, Slots: 2}}}, 9)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.row; r.Invalidations != 1 || len(r.State) != 0 || len(r.Partial) != 1 || r.Partial[0].Slots[1] != 2 || len(r.Settled[0]) != 0 {
		t.Errorf("a settlement by another caller: %+v", r)
	}
	ln.row.Epoch = 6
	if _, err := l.planSettlement("a", &queue.Settlement{ID: 8, Revision: current}, 1); !errors.Is(err, queue.ErrFenced) {
		t.Errorf("a later epoch: %v, want ErrFenced", err)
	}
	if _, err := l.planSettlement("a", &queue.Settlement{}, 1); err != nil {
		t.Errorf("a later epoch, not the owner: %v", err)
	}
	l.closed = true
	if _, err := l.planSettlement("a", &queue.Settlement{}, 1); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("closed: %v, want ErrClosed", err)
	}
}
