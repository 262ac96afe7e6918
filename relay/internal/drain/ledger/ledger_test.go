package ledger

import (
	"testing"

	"relay/queue"
)

// A lane that ends must know whether anything is left to store.
func TestClean(t *testing.T) {
	for name, decide := range map[string]func(g *Ledger){
		"records":           func(g *Ledger) { g.Settle([]queue.Range{{From: 1, To: 2}}, nil) },
		"parts of a record": func(g *Ledger) { g.Settle(nil, []queue.Part{{}}) },
		"a letter":          func(g *Ledger) { g.Letter(queue.DeadLetter{}) },
		"a count":           func(g *Ledger) { g.Count("sent", 1) },
		"the state":         func(g *Ledger) { g.Dirty = true },
	} {
		g := New(nil, "lane")
		if !g.Clean() {
			t.Fatal("a new one is not clean")
		}
		if decide(&g); g.Clean() {
			t.Errorf("%s: nothing is said to be left", name)
		}
	}
}
