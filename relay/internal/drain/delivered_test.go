package drain

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/relay/internal/graph"
)

// What Meta accepted is told once a conversion, with its match keys and people,
// whatever came before: an answer that never came, a restart, a request that
// was halved. What is skipped, held or refused is not told.
func TestDeliveredIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := map[string]int{}
		for _, id := range append(w.fill(setA, "a", 300), w.fill(setB, "b", 3)...) {
			want[id] = 1
		}
		w.log.add(setA, "both", fakeEvent{Lists: []string{rules.ListEvents, rules.ListLead}})
		want["both/events"], want["both/lead"] = 1, 1
		w.log.add(setA, "skipped", fakeEvent{Skip: mapper.ReasonNoConsent})
		w.log.add(setA, "held", fakeEvent{Hold: mapper.ReasonMissingCurrency})
		delete(want, "a0200/events") // refused
		var mu sync.Mutex
		people := map[string]int{}
		w.opts.Delivered = func(d Delivery) {
			mu.Lock()
			defer mu.Unlock()
			for _, it := range d.Items {
				if len(it.People) != 1 {
					t.Errorf("people of %s: %q", it.MessageID, it.People)
					continue
				}
				people[it.People[0]]++
			}
		}
		w.sender.set(func(int, call) graph.Result { return graph.Result{Class: graph.Doubt} })
		w.run()
		pass(10 * time.Millisecond)
		if len(w.metrics.told()) != 0 {
			t.Error("told before there was an answer")
		}
		crash(w)

		w.sender.set(func(_ int, c call) graph.Result {
			if slices.Contains(c.ids, "a0200/events") {
				return graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Subcode: 2804019}
			}
			return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
		})
		w.run()
		defer func() { w.stop() }()
		pass(time.Hour)
		if d := w.log.letters(); len(d) != 2 {
			t.Errorf("dead letters: %+v", d)
		}
		if got := w.metrics.told(); !maps.Equal(got, want) {
			t.Errorf("match keys of %d conversions, want %d; more than once: %v", len(got), len(want), repeated(got))
		}
		mu.Lock()
		defer mu.Unlock()
		if !maps.Equal(people, want) {
			t.Errorf("people of %d conversions, want %d; more than once: %v", len(people), len(want), repeated(people))
		}
	})
}

func repeated(told map[string]int) (ids []string) {
	for id, n := range told {
		if n != 1 {
			ids = append(ids, id)
		}
	}
	return ids
}
