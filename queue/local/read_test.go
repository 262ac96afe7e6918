package local

import (
	"fmt"
	"testing"
)

// A batch read while the tail is empty ends at the beginning of the tail: a record appended before
// the batch is settled is not skipped.
func TestSettleAfterRotation(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	for round := range 3 {
		before, after := fmt.Sprintf("before-%d", round), fmt.Sprintf("after-%d", round)
		mustAppend(t, q, entry(before, "1"))
		if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
			t.Fatal(err)
		}
		b, err := q.Read("1", 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, q, entry(after, "1"))
		if err := settle(q, "1", Settlement{Settled: upto(b.Next)}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(drainAll(t, q, "1")); len(b.Records) != 1 || b.Records[0].ID != before || got != "["+after+"]" {
			t.Fatalf("read %v, and after settling it %s", b.Records, got)
		}
	}
}
