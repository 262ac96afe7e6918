package jetstream

import (
	"slices"
	"testing"

	"relay/queue"
)

func TestSpans(t *testing.T) {
	never := func(uint64, uint64) bool { return false }
	between := func(from, to uint64) bool { return from == 5 && to == 8 }
	for _, c := range []struct {
		name string
		got  []span
		want []span
	}{
		{"sorted, joined where they touch", mergeSpans([]span{{4, 5}, {1, 2}, {2, 4}}, never), []span{{1, 5}}},
		{"overlapping", mergeSpans([]span{{1, 9}, {2, 4}}, never), []span{{1, 9}}},
		{"apart", mergeSpans([]span{{1, 5}, {8, 9}}, never), []span{{1, 5}, {8, 9}}},
		{"nothing lies between", mergeSpans([]span{{1, 5}, {8, 9}}, between), []span{{1, 9}}},
		{"without one in the middle", subtract([]span{{1, 5}}, []uint64{3}), []span{{1, 3}, {4, 5}}},
		{"without the ends", subtract([]span{{1, 5}, {7, 8}}, []uint64{1, 4, 7}), []span{{2, 4}}},
		{"without what is not there", subtract([]span{{3, 5}}, []uint64{1, 2, 9}), []span{{3, 5}}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	spans := []span{{1, 3}, {5, 6}}
	for seq, want := range map[uint64]bool{0: false, 1: true, 2: true, 3: false, 4: false, 5: true, 6: false} {
		if contains(spans, seq) != want {
			t.Errorf("%d in %v: %v", seq, spans, !want)
		}
	}
}

// What a row says holds for the streams it was written for, for the numbers they had,
// and for the chunks that had them.
func TestRowOfOtherStreams(t *testing.T) {
	r := row{Created: [allStreams]int64{1, 2, 3, 4, 5, 6}, Letters: []span{{1, 2}}, Partial: []partial{{Stream: 0, Seq: 9, Chunk: 90}, {Stream: 1, Seq: 9, Chunk: 91}}}
	r.Settled[0], r.HighestChunk[0] = []span{{1, 5}}, 40
	r.Settled[1], r.HighestChunk[1] = []span{{1, 5}}, 40
	old := func(stream int, seq uint64, at queue.Seq) *entry { return newEntry(stream, seq, at, 0) }
	if !r.settles(old(0, 4, 40)) || r.settles(old(0, 5, 30)) {
		t.Error("a chunk that is settled is not, or another is")
	}
	if r.settles(old(0, 4, 41)) {
		t.Error("a newer chunk under the number of one that was settled is settled")
	}
	if r.partialOf(old(0, 9, 90)) == nil || r.partialOf(old(0, 9, 95)) != nil {
		t.Error("what is settled of a chunk is taken for another's, or is not found")
	}
	made := r.Created
	if r.dropOtherStreams(&made) {
		t.Error("the streams are the same, and something is lost")
	}
	made[0]++
	if !r.dropOtherStreams(&made) || len(r.Settled[0]) > 0 || len(r.Settled[1]) != 1 || len(r.Partial) != 1 || r.Partial[0].Stream != 1 || len(r.Letters) != 1 {
		t.Errorf("stream 0 was made anew: %+v", r)
	}
	made[deadAt]++
	if !r.dropOtherStreams(&made) || len(r.Letters) > 0 {
		t.Errorf("the stream of letters was made anew: %+v", r)
	}
	if r.truncate(1, 3); !slices.Equal(r.Settled[1], []span{{1, 3}}) {
		t.Errorf("cut at 3: %v", r.Settled[1])
	}
}
