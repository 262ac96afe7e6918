package forward

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"relay/queue"
)

// holds finds a text in events.
type holds string

func (l holds) Event(body []byte, _ string, _ time.Time) bool {
	return bytes.Contains(body, []byte(l))
}

func say(t *testing.T, h *Hub, store string, c Call) Answer {
	t.Helper()
	c.Version = Version
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.Forward(t.Context(), store, nil, b, nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A forget reaches each store once it calls, over restarts of the hub; until then, and a
// while longer, nothing about the person is taken from it.
func TestForgetReaches(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		dir := t.TempDir()
		look := func(lines []string) Look { return holds(lines[0]) }
		h, q := e.hub(t, dir, time.Hour)
		h.o.Look = look
		stores, err := h.Forget(t.Context(), []string{"a2"}, []string{"two", "one", "two"})
		if err != nil || !slices.Equal(stores, []string{"one", "two"}) {
			t.Fatal(stores, err)
		}
		counted := func(want int64) {
			t.Helper()
			if n := q.Stats().Dropped[queue.DropForgotten]; n != want {
				t.Errorf("%d counted as forgotten, want %d", n, want)
			}
		}
		if a := take(t, h, "one", orders("a", 1, 4)); a.Stored != 2 || !a.Call || !slices.Equal(a.Forgotten, []queue.Seq{2}) {
			t.Errorf("%+v", a)
		}
		counted(1)
		if a := take(t, h, "one", orders("a", 1, 4)); a.Stored != 0 || a.Repeats != 3 {
			t.Errorf("what was not taken is taken later: %+v", a)
		}
		counted(1)
		if a := take(t, h, "other", orders("a", 1, 4)); a.Stored != 3 || a.Call {
			t.Errorf("another store: %+v", a)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		h, q = e.hub(t, dir, time.Hour)
		h.o.Look = look
		a := say(t, h, "one", Call{})
		if a.Forget == nil || a.Forget.Lines[0] != "a2" {
			t.Fatalf("%+v", a)
		}
		if a := say(t, h, "one", Call{Forgot: []string{a.Forget.ID}}); a.Forget != nil {
			t.Errorf("told again: %+v", a)
		}
		late := orders("a", 4, 6)
		late.Records[0] = order(4, "a2-again")
		if a := take(t, h, "one", late); a.Stored != 1 || a.Call {
			t.Errorf("a chunk that was on its way: %+v", a)
		}
		counted(1)
		for name, want := range map[string]int{"one": 0, "two": 1} {
			if got := h.Stores([]string{name}); got[0].Forgets != want {
				t.Errorf("%s: %+v", name, got)
			}
		}
		h.o.Stores = func() []string { return []string{"one"} }
		h.removeClosedStores()
		if h.forgets.log.Note(noteForgets) != nil {
			t.Error("the person is kept after no store is left to be told")
		}
	})
}

// A hub says what it lacks, exactly.
func TestMissing(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, _ := e.hub(t, t.TempDir(), time.Hour)
		take(t, h, "one", orders("a", 10, 20))
		take(t, h, "one", orders("a", 30, 40))
		src := source{Epoch{1}, Events}
		for _, c := range []struct{ has, lacks ranges }{
			{ranges{{From: 5, To: 45}}, ranges{{From: 5, To: 10}, {From: 20, To: 30}, {From: 40, To: 45}}},
			{ranges{{From: 12, To: 18}, {From: 31, To: 40}}, nil},
			{ranges{{From: 19, To: 21}, {From: 29, To: 31}}, ranges{{From: 20, To: 21}, {From: 29, To: 30}}},
			{ranges{{From: 50, To: 60}}, ranges{{From: 50, To: 60}}},
		} {
			a := say(t, h, "one", Call{Has: []saved{save(src, c.has)}})
			var got ranges
			for _, m := range a.Missing {
				got = addRanges(got, m.Ranges)
			}
			if !slices.Equal(got, c.lacks) {
				t.Errorf("of %v: %v, want %v", c.has, got, c.lacks)
			}
		}
		if a := say(t, h, "two", Call{Has: []saved{save(src, ranges{{From: 10, To: 20}})}}); len(a.Missing) != 1 {
			t.Errorf("another store's: %+v", a)
		}
		if a := say(t, h, "one", Call{Has: []saved{save(source{Epoch{1}, Refused}, ranges{{From: queue.Seq(10), To: 20}})}}); len(a.Missing) != 1 {
			t.Errorf("another lane's: %+v", a)
		}
	})
}
