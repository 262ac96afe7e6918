package metrics

import (
	"strings"
	"testing"
	"time"

	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
)

// Every class of answer counts as one outcome of requests, and as an error unless Meta has the
// events.
func TestAttemptOutcomes(t *testing.T) {
	for class, want := range map[graph.Class]string{
		graph.Delivered: "ok", graph.Duplicate: "ok", graph.Retry: "retry", graph.Doubt: "doubt", graph.Throttle: "throttled",
		graph.InvalidEvent: "rejected", graph.InvalidBatch: "rejected", graph.TokenPause: "paused", graph.PermPause: "paused", graph.ConfigPause: "paused",
	} {
		m := New(api.Build{})
		m.Drain().Attempt(setA, graph.Result{Class: class}, 1)
		requests := map[string]float64{}
		each(m.delivery.requests, func(l map[string]string, v float64) { requests[l["outcome"]] = v })
		if len(requests) != 1 || requests[want] != 1 {
			t.Errorf("%s: counted as %v, want %s", class, requests, want)
		}
		failed := 0.0
		each(m.delivery.errors, func(_ map[string]string, v float64) { failed += v })
		if (failed == 0) != (want == "ok") {
			t.Errorf("%s: %v errors", class, failed)
		}
	}
}

// Totals add up the counters over all event sets.
func TestTotals(t *testing.T) {
	m := New(api.Build{})
	d := m.Drain()
	for _, set := range []string{setA, setB} {
		d.Delivered(set, "Purchase", 2)
		d.Delivered(set, "Lead", 1)
		d.Settled(set, "dead:expired", 1)
		d.Settled(set, "skip:no_consent", 3)
		d.Settled(set, "skip:no_consent", 0)
	}
	got := m.Totals()
	if got.Delivered != 6 || got.Dead["expired"] != 2 || got.Skipped["no_consent"] != 6 || len(got.Dead) != 1 || len(got.Skipped) != 1 {
		t.Errorf("%+v", got)
	}
	d.ClockSkew(-90 * time.Second)
	if skew := m.ClockSkew(); skew != -90 {
		t.Errorf("clock skew %v", skew)
	}
}

// A refused reload keeps the time, generation and digest of the last accepted one.
func TestReloads(t *testing.T) {
	m := New(api.Build{})
	later := noon.Add(time.Hour)
	m.MappingLoaded(true, "aaaa", noon)
	m.MappingLoaded(true, "bbbb", later)
	m.MappingLoaded(false, "bbbb", later.Add(time.Hour))
	body := scrape(m)
	for _, want := range []string{
		"relay_mapping_last_reload_successful 0\n", "relay_mapping_generation 2\n", "relay_mapping_reloads_refused_total 1\n", `relay_mapping_info{digest="bbbb"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(body, `digest="aaaa"`) {
		t.Error("the digest of the previous mapping is still shown")
	}
	last := 0.0
	each(m.mapping.time, func(_ map[string]string, v float64) { last = v })
	if last != float64(later.Unix()) {
		t.Errorf("last accepted at %v, want %v", last, later.Unix())
	}
}

// Outcomes of another relay are passed to the watchers here, not back to other relays, and
// only watchers here count as such.
func TestTailOfSeveralRelays(t *testing.T) {
	var tail Tail
	own := tail.WatchOwn()
	if tail.WatchedHere() || !tail.Watched() {
		t.Errorf("watched here %v, watched %v: want only the latter", tail.WatchedHere(), tail.Watched())
	}
	here := tail.Watch()
	tail.Pass(api.Outcome{MessageID: "theirs"})
	tail.PassMissed(3)
	tail.Delivery(drain.Delivery{EventSet: setA, Items: []drain.Delivered{{MessageID: "ours"}}})
	if !tail.WatchedHere() || len(here.C) != 2 || here.Missed() != 3 || len(own.C) != 1 || own.Missed() != 0 {
		t.Errorf("%d outcomes here, %d own ones", len(here.C), len(own.C))
	}
	if o := <-own.C; o.Outcome != "delivered" || o.EventSet != setA {
		t.Errorf("%+v", o)
	}
	tail.Leave(here)
	tail.Leave(own)
	if tail.Watched() {
		t.Error("watched after every watcher has left")
	}
}

// What a watcher sees is masked: an id that is an e-mail address is not shown.
func TestTailIsMasked(t *testing.T) {
	var tail Tail
	w := tail.Watch()
	defer tail.Leave(w)
	tail.Delivery(drain.Delivery{EventSet: setA, Items: []drain.Delivered{{MessageID: "ada@example.com", Event: "Order of ada@example.com"}}})
	if o := <-w.C; strings.Contains(o.MessageID+o.Event, "ada") {
		t.Errorf("%+v", o)
	}
}
