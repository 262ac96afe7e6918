package jetstream

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"relay/internal/seal"
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
		{"sorted, merged where they touch", mergeSpans([]span{{4, 5}, {1, 2}, {2, 4}}, never), []span{{1, 5}}},
		{"overlapping", mergeSpans([]span{{1, 9}, {2, 4}}, never), []span{{1, 9}}},
		{"apart", mergeSpans([]span{{1, 5}, {8, 9}}, never), []span{{1, 5}, {8, 9}}},
		{"nothing in between", mergeSpans([]span{{1, 5}, {8, 9}}, between), []span{{1, 9}}},
		{"without a number in the middle", subtract([]span{{1, 5}}, []uint64{3}), []span{{1, 3}, {4, 5}}},
		{"without the ends", subtract([]span{{1, 5}, {7, 8}}, []uint64{1, 4, 7}), []span{{2, 4}}},
		{"without other numbers", subtract([]span{{3, 5}}, []uint64{1, 2, 9}), []span{{3, 5}}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	spans := []span{{1, 3}, {5, 6}}
	for seq, want := range map[uint64]bool{0: false, 1: true, 2: true, 3: false, 4: false, 5: true, 6: false} {
		if contains(spans, seq) != want {
			t.Errorf("contains(%v, %d) = %v", spans, seq, !want)
		}
	}
}

// A row is valid only for the streams it was written for, and for the chunks that had the numbers then.
func TestRowOfOtherStreams(t *testing.T) {
	r := row{Created: [allStreams]int64{1, 2, 3, 4, 5, 6}, Letters: []span{{1, 2}}, Partial: []partial{{Stream: 0, Seq: 9, Chunk: 90}, {Stream: 1, Seq: 9, Chunk: 91}}}
	r.Settled[0], r.HighestChunk[0] = []span{{1, 5}}, 40
	r.Settled[1], r.HighestChunk[1] = []span{{1, 5}}, 40
	old := func(stream int, seq uint64, at queue.Seq) *entry { return newEntry(stream, seq, at, 0) }
	if !r.settles(old(0, 4, 40)) || r.settles(old(0, 5, 30)) {
		t.Error("settles is wrong about a settled chunk, or about one that is not")
	}
	if r.settles(old(0, 4, 41)) {
		t.Error("a newer chunk with the number of a settled one counts as settled")
	}
	if r.partialOf(old(0, 9, 90)) == nil || r.partialOf(old(0, 9, 95)) != nil {
		t.Error("partialOf does not find a chunk's own part, or returns another chunk's")
	}
	made := r.Created
	if r.dropOtherStreams(&made) {
		t.Error("dropOtherStreams reports a loss although the streams are the same")
	}
	made[0]++
	if !r.dropOtherStreams(&made) || len(r.Settled[0]) > 0 || len(r.Settled[1]) != 1 || len(r.Partial) != 1 || r.Partial[0].Stream != 1 || len(r.Letters) != 1 {
		t.Errorf("stream 0 was recreated: %+v", r)
	}
	made[deadAt]++
	if !r.dropOtherStreams(&made) || len(r.Letters) > 0 {
		t.Errorf("the stream of letters was recreated: %+v", r)
	}
	if r.truncate(1, 3); !slices.Equal(r.Settled[1], []span{{1, 3}}) {
		t.Errorf("truncated at 3: %v", r.Settled[1])
	}
}

// What a row holds is read back as it was written, sealed or not, for its own lane only.
func FuzzRow(f *testing.F) {
	f.Add("a", uint64(1), uint64(2), []byte("state"), uint64(3), uint64(9), uint64(70), uint8(3), true)
	f.Add("", uint64(0), uint64(0), []byte(nil), uint64(0), uint64(0), uint64(0), uint8(0), false)
	f.Fuzz(func(t *testing.T, lane string, tag, epoch uint64, state []byte, from, to, number uint64, slots uint8, sealed bool) {
		l := testLog(t)
		if sealed {
			keys, err := seal.NewKeys(bytes.Repeat([]byte{7}, 32))
			if err != nil {
				t.Fatal(err)
			}
			l.ring.Use(keys)
		}
		if !utf8.ValidString(lane) { // no lane has such a name: queue.Entry.Valid
			t.Skip()
		}
		in := row{Lane: lane, Tag: tag, LastID: tag ^ 1, Epoch: epoch, State: state, Counts: map[string]int64{"delivered": int64(tag)}, Letters: []span{{from, to}}}
		in.Settled[1], in.HighestChunk[1] = []span{{from, to}}, number
		in.Partial = []partial{{Stream: 2, Seq: from, Chunk: queue.Seq(number), Settled: bits{tag, epoch}, Slots: map[uint32]queue.Slots{uint32(to): queue.Slots(slots)}}}
		data, err := l.encodeRow(&in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := l.decodeRow(lane, data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.State, in.State) {
			t.Errorf("state %x, want %x", out.State, in.State)
		}
		out.State = in.State // JSON does not tell an empty state from none
		if !reflect.DeepEqual(in, out) {
			t.Errorf("read %+v, want %+v", out, in)
		}
		if !sealed {
			return
		}
		if _, err := l.decodeRow(lane+"x", data); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("the row of another lane: %v, want ErrDamaged", err)
		}
		data[len(data)-1] ^= 1
		if _, err := l.decodeRow(lane, data); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("a flipped bit: %v, want ErrDamaged", err)
		}
	})
}
