package local

import (
	"fmt"
	"testing"

	"relay/queue"
)

// Records that stay keep their order and their partly settled state. The lane is not marked as
// dropped, and the next move takes them. Its state, which says that it is paused, is kept whatever
// is moved or dropped, also after a restart.
func TestMoveLaneKeepsStay(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, stepOptions())
	opened(t, q)
	for i := range 3 {
		mustAppend(t, q, entry(fmt.Sprint("m-", 3*i), "a"), entry(fmt.Sprint("m-", 3*i+1), "a"), entry(fmt.Sprint("m-", 3*i+2), "a"))
		rotateNow(t, q)
	}
	b, err := q.Read("a", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) Seq { return b.Records[i].Seq }
	if err := settle(q, "a", Settlement{State: []byte("paused"), Settled: queue.UpTo(at(1)), Parts: []queue.Part{{Seq: at(4), Slots: 5}}}); err != nil {
		t.Fatal(err)
	}
	is := func(lane, want string, dropped bool) {
		t.Helper()
		v, err := look(q)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(v.waits[lane]); got != want {
			t.Errorf("%s has %s, want %s", lane, got, want)
		}
		if l, _ := q.Lane("a"); string(l.State) != "paused" || l.Dropped != dropped {
			t.Errorf("the lane is %q, dropped %v", l.State, l.Dropped)
		}
	}
	// Settled and nonexistent records in stay have no effect.
	if n, err := q.MoveLane("a", "b", at(0), at(4), at(7), 1<<40); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	is("a", "[m-4:5 m-7:0]", false)
	is("b", "[m-1:0 m-2:0 m-3:0 m-5:0 m-6:0 m-8:0]", false)
	if n := len(q.Stats().Dropped); n > 0 {
		t.Errorf("%v", q.Stats().Dropped)
	}
	again := func() {
		t.Helper()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = openTest(t, dir, stepOptions())
		opened(t, q)
	}
	again()
	is("a", "[m-4:5 m-7:0]", false)
	if n, err := q.MoveLane("a", "b", at(0), 1<<40); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	is("a", "[]", true)
	is("b", "[m-1:0 m-2:0 m-3:0 m-5:0 m-6:0 m-8:0 m-4:5 m-7:0]", true)
	again()
	is("a", "[]", true)
	mustAppend(t, q, entry("later", "a"))
	is("a", "[later:0]", false)
	if err := q.DropLane("a"); err != nil {
		t.Fatal(err)
	}
	again()
	is("a", "[]", true)
}

// A record of two lanes moves from one to the other and back without being lost or duplicated,
// whatever is delivered in between.
func TestMoveBetweenLanesOfARecord(t *testing.T) {
	for _, delivered := range []bool{false, true} {
		q := openTest(t, t.TempDir(), stepOptions())
		mustAppend(t, q, entry("both", "a", "b"))
		if delivered {
			if got := drainAll(t, q, "b"); len(got) != 1 {
				t.Fatal(got)
			}
		}
		for _, move := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "b"}} {
			if _, err := q.MoveLane(move[0], move[1]); err != nil {
				t.Fatal(err)
			}
		}
		a, b := waiting(t, q, "a"), waiting(t, q, "b")
		if a+b != 1 || delivered && b != 0 {
			t.Errorf("delivered by b: %v; %d pending in a, %d in b", delivered, a, b)
		}
	}
}
