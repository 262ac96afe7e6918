package segment

import (
	"testing"

	"relay/queue"
	"relay/queue/internal/chunk"
)

// Exactly the indexes that no chunk covers are gaps, and are skipped.
func TestGaps(t *testing.T) {
	var sum Summary
	for _, c := range []struct{ first, span uint32 }{{5, 5}, {10, 2}, {20, 1}, {21, 4}, {30, 1}} {
		sum.Add(&chunk.Header{First: 3<<32 + queue.Seq(c.first), Span: c.span, Count: 1})
	}
	if sum.Missing != 5+8+5 || sum.Next != 31 {
		t.Errorf("%d numbers missing, next %d", sum.Missing, sum.Next)
	}
	for _, c := range []struct{ at, want uint32 }{
		{0, 5}, {4, 5}, {5, 5}, {9, 9}, {10, 10}, {11, 11}, {12, 20}, {19, 20}, {20, 20}, {24, 24}, {25, 30}, {29, 30}, {30, 30}, {31, 31}, {99, 99},
	} {
		if got := sum.Gaps.skip(c.at); got != c.want {
			t.Errorf("at %d: %d, want %d", c.at, got, c.want)
		}
	}
	if got := (&Summary{}).Gaps.skip(7); got != 7 {
		t.Errorf("without gaps: %d", got)
	}
}

// A stored summary has everything except for the gaps.
func TestSummaryRoundTrip(t *testing.T) {
	headers := []chunk.Header{
		{First: 2, Span: 3, Count: 2, Min: 50, Max: 70, Lanes: []chunk.Lane{{Name: "a", Count: 2, Last: 4, Bytes: 10, Min: 50}}},
		{First: 9, Span: 1, Count: 1, Min: 40, Max: 40, Lanes: []chunk.Lane{{Name: "b", Count: 1, Last: 9, Bytes: 1, Min: 40}, {Name: "a", Count: 1, Last: 9, Bytes: 1, Min: 40}}},
	}
	var sum, less Summary
	for i := range headers {
		sum.Add(&headers[i])
	}
	less.Add(&headers[0])
	b, err := sum.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSummary(b)
	if err != nil || !got.same(&sum) || got.same(&less) {
		t.Errorf("%+v, want %+v (%v)", got, sum, err)
	}
	if l := got.Lane("a"); l == nil || *l != (chunk.Lane{Name: "a", Count: 3, Last: 9, Bytes: 11, Min: 40}) || got.Records != 3 || got.Min != 40 || got.Max != 70 {
		t.Errorf("%+v", got)
	}
	for i := range b {
		b[i] ^= 4
		if _, err := decodeSummary(b); err == nil {
			t.Fatalf("byte %d flipped: no error", i)
		}
		b[i] ^= 4
	}
}
