package jetstream

import (
	"math/rand/v2"
	"slices"
	"testing"

	"relay/queue"
	"relay/queue/internal/chunk"
)

// A trim removes finished chunks only, at most so many, and purges nothing beyond them: no message
// before trimPlan.first is pending, unknown, or left for the next trim.
func TestPlanTrim(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		v := newView()
		var next [streams]uint64
		ids := 0
		for n := range 20 {
			c := &chunkSpec{place: place{stream: rng.IntN(streams)}, number: queue.Seq(n+1) << 16}
			if next[c.stream]++; rng.IntN(8) == 0 {
				next[c.stream]++ // a message that this process does not know yet
			}
			c.seq = next[c.stream]
			for range 1 + rng.IntN(3) {
				c.ids = append(c.ids, ids)
				ids++
			}
			v.learn(c)
			e := v.entries[c.place]
			for i := range e.records {
				if rng.IntN(4) > 0 {
					e.settleEverywhere(i)
				}
			}
			v.recount(e)
		}
		limit := 1 + rng.IntN(20)
		p := v.planTrim(limit)
		finished, remembered := 0, 0
		for _, e := range v.entries {
			planned := slices.Contains(p.entries, e)
			if e.unsettledLanes == 0 {
				finished++
			} else if planned {
				t.Fatalf("seed %d: %v is removed and not settled", seed, e.place)
			}
			if planned {
				remembered += len(e.records)
			} else if e.seq < p.first[e.stream] {
				t.Fatalf("seed %d: %v is purged and not planned", seed, e.place)
			}
		}
		if len(p.entries) != min(limit, finished) || p.more != (finished > limit) {
			t.Fatalf("seed %d: %d of %d finished entries planned, at most %d, more %v", seed, len(p.entries), finished, limit, p.more)
		}
		for i := range streams {
			for seq := uint64(1); seq < p.first[i]; seq++ {
				if v.entries[place{i, seq}] == nil {
					t.Fatalf("seed %d: message %d of stream %d is purged and not known", seed, seq, i)
				}
			}
		}
		if n := (len(p.ids[0]) + len(p.ids[1])) / chunk.IDLen; n != remembered {
			t.Fatalf("seed %d: %d ids are remembered, want %d", seed, n, remembered)
		}
	}
}

// The ids of a copy that is not read are remembered with the copy that is.
func TestPlanTrimOfCopies(t *testing.T) {
	v := newView()
	for i := range 2 {
		v.learn(&chunkSpec{place: place{i, 1}, number: queue.Seq(i+1) << 16, ids: []int{0}})
	}
	for _, e := range v.entries {
		e.settleEverywhere(0)
		v.recount(e)
	}
	if p := v.planTrim(10); len(p.entries) != 2 || len(p.ids[0]) != chunk.IDLen {
		t.Errorf("%d entries, %d bytes of ids; want 2 and %d", len(p.entries), len(p.ids[0]), chunk.IDLen)
	}
}
