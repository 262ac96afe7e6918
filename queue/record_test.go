package queue

import (
	"slices"
	"testing"
)

// The settled ranges lie within what the batch covers, whatever the order of its records, and
// include nothing between the covered ranges.
func TestBatchDone(t *testing.T) {
	rec := func(seqs ...Seq) (out []Record) {
		for _, s := range seqs {
			out = append(out, Record{Seq: s})
		}
		return out
	}
	for _, c := range []struct {
		name  string
		batch Batch
		open  []Seq
		want  []Range
	}{
		{"ordered by number", Batch{Records: rec(3, 5), From: 1, Next: 9}, nil, []Range{{1, 9}}},
		{"ordered by number, one open", Batch{Records: rec(3, 5), From: 1, Next: 9}, []Seq{3}, []Range{{1, 3}, {4, 9}}},
		{"ordered by number, all open", Batch{Records: rec(1), From: 1, Next: 2}, []Seq{1}, nil},
		{"two streams", Batch{Records: rec(70, 71, 12), From: 900, Next: 950, Covers: []Range{{70, 73}, {10, 14}}}, nil, []Range{{70, 73}, {10, 14}}},
		{"two streams, some open", Batch{Records: rec(70, 71, 12), From: 900, Next: 950, Covers: []Range{{70, 73}, {10, 14}}}, []Seq{71, 12}, []Range{{70, 71}, {72, 73}, {10, 12}, {13, 14}}},
		{"empty", Batch{From: 900, Next: 950, Covers: []Range{}}, nil, nil},
	} {
		got := c.batch.RangesExcept(func(i int) bool { return slices.Contains(c.open, c.batch.Records[i].Seq) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: RangesExcept = %v, want %v", c.name, got, c.want)
		}
	}
}
