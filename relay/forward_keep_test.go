package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestForwardReplay: the hub loses its disk, and gets back what stores kept: all of it
// once, though the store's relay is killed in the middle of it and new events come.
func TestForwardReplay(t *testing.T) {
	hub, url := hubHome(t, "127.0.0.1:1", "")
	edge := edgeHome(t, url, storeKey)
	edge.write(t, "relay.yaml", strings.Replace(edgeConfig(url, storeKey), "key: "+storeKey, "key: "+storeKey+", keep: 24h", 1))
	hp, ep := hub.start(t), edge.start(t)
	want := map[string]bool{}
	send := func(prefix string, n int) {
		t.Helper()
		for i := range n {
			id := fmt.Sprint(prefix, i)
			want[id] = true
			if status, body := post(t, ep.url+"/v1/track", order(id)); status != 200 {
				t.Fatal(status, body)
			}
		}
	}
	send("kept-", 50)
	if status, body := post(t, ep.url+"/v1/batch", `{"batch":[{"type":"track","messageId":"bad-1"}]}`); status != 200 {
		t.Fatal(status, body)
	}
	eventually(t, "the store has handed over everything", func() bool { return len(queued(t, edge)) == 0 })
	replay := func(want string, args ...string) {
		t.Helper()
		out, code := edge.command(t, append([]string{"forward", "replay", "--config", edge.path("relay.yaml")}, args...)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d: %s, want %q", code, out, want)
		}
	}
	eventually(t, "all 51 are handed over, the unusable one too", func() bool {
		out, code := edge.command(t, "forward", "replay", "--config", edge.path("relay.yaml"))
		return code == 0 && strings.Contains(out, "51 copies are kept here; sent the 0 that the hub lacked")
	})
	hp.kill(t)
	if err := os.RemoveAll(hub.path("data")); err != nil {
		t.Fatal(err)
	}
	hp = hub.start(t)
	send("new-", 5)
	eventually(t, "the new events are at the hub", func() bool { return len(queued(t, hub)) == 5 })
	replay("56 copies are kept here; the hub lacks 51 of them. Dry run: nothing was sent.", "--dry-run")
	if n := len(queued(t, hub)); n != 5 {
		t.Errorf("a dry run handed over: %d at the hub", n)
	}
	ep.kill(t)
	ep = edge.start(t)
	replay("sent the 51 that the hub lacked")
	replay("sent the 0 that the hub lacked")
	got := queued(t, hub)
	for id := range want {
		if got[id] != 1 {
			t.Errorf("%s lies at the hub %d times", id, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d at the hub, want %d", len(got), len(want))
	}
	eventually(t, "what cannot be used is a dead letter of the hub", func() bool {
		out, _ := hub.command(t, "dead", "list", "--json", "--config", hub.path("relay.yaml"))
		return strings.Contains(out, `"message_id":"bad-1"`)
	})
	out, code := edge.with(t, "person.kept-7@example.com\n", "forget", "--config", edge.path("relay.yaml"))
	if code != 0 || !strings.Contains(out, "1 removed: 1 kept copy of a forwarded event") {
		t.Errorf("%d: %s", code, out)
	}
	edge.write(t, "relay.yaml", edgeConfig(url, storeKey))
	if out, code := edge.command(t, "reload", "--config", edge.path("relay.yaml")); code != 0 {
		t.Errorf("%d: %s", code, out)
	}
	eventually(t, "nothing is kept any more", func() bool {
		out, _ := edge.command(t, "forward", "replay", "--dry-run", "--config", edge.path("relay.yaml"))
		return strings.HasPrefix(out, "0 copies")
	})
	if out, code := hub.command(t, "forward", "replay", "--config", hub.path("relay.yaml")); code != 1 || !strings.Contains(out, "this relay does not forward") {
		t.Errorf("%d: %s", code, out)
	}
	ep.stop(t)
	hp.stop(t)
	if out, code := edge.command(t, "forward", "replay", "--config", edge.path("relay.yaml")); code != 75 || !strings.Contains(out, "relay is not running") {
		t.Errorf("%d: %s", code, out)
	}
}

// TestForwardForget: a forget at the hub reaches what waits and what is kept at a store,
// though hub and store are killed before it has, and nothing about the person comes
// back.
func TestForwardForget(t *testing.T) {
	t.Parallel()
	hub, url := hubHome(t, "127.0.0.1:1", "")
	edge := edgeHome(t, url, storeKey)
	edge.write(t, "relay.yaml", strings.Replace(edgeConfig(url, storeKey), "key: "+storeKey, "key: "+storeKey+", keep: 24h", 1))
	hp, ep := hub.start(t), edge.start(t)
	send := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if status, body := post(t, ep.url+"/v1/track", order(id)); status != 200 {
				t.Fatal(status, body)
			}
		}
	}
	send("p1", "other-1")
	eventually(t, "both are at the hub", func() bool { return len(queued(t, hub)) == 2 })
	if out, code := edge.command(t, "lane", "pause", "forward", "--config", edge.path("relay.yaml")); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	again := strings.ReplaceAll(order("p1"), `"messageId":"p1"`, `"messageId":"p1-again"`)
	if status, body := post(t, ep.url+"/v1/track", again); status != 200 {
		t.Fatal(status, body)
	}
	send("other-2")
	ep.kill(t)
	dry, code := hub.with(t, "person.p1@example.com\n", "forget", "--dry-run", "--config", hub.path("relay.yaml"))
	if code != 0 || !strings.Contains(dry, "0042, 0043") {
		t.Errorf("%d: %s", code, dry)
	}
	stores := func(want string) bool {
		out, _ := hub.command(t, "status", "--stores", "--json", "--config", hub.path("relay.yaml"))
		return strings.Contains(out, want)
	}
	if stores("forgets_waiting") {
		t.Error("a dry run has told the stores")
	}
	out, code := hub.with(t, "person.p1@example.com\n", "forget", "--config", hub.path("relay.yaml"))
	if code != 0 || !strings.Contains(out, "1 removed") || !strings.Contains(out, "not reached yet: the relays of stores 0042, 0043") {
		t.Errorf("%d: %s", code, out)
	}
	hp.kill(t)
	ep = edge.start(t)
	hp = hub.start(t)
	holds := func(h home, args ...string) bool {
		out, code := h.with(t, "person.p1@example.com\n", "forget", "--dry-run", "--config", h.path("relay.yaml"))
		if code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		return !strings.Contains(out, "nothing found")
	}
	eventually(t, "the store has forgotten", func() bool { return !holds(edge) })
	eventually(t, "the hub knows it", func() bool {
		return !stores(`"store":"0042","waiting":0,"version":"","events":0,"repeats":0,"forgets_waiting":1`) && stores("forgets_waiting")
	})
	if out, code := edge.command(t, "lane", "resume", "forward", "--config", edge.path("relay.yaml")); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	eventually(t, "the others are at the hub", func() bool { g := queued(t, hub); return g["other-1"] == 1 && g["other-2"] == 1 })
	if holds(hub) {
		t.Error("the hub holds the person again")
	}
	if log := ep.log.String(); strings.Contains(log, "person.p1") {
		t.Error("the log names the person")
	}
	ep.stop(t)
	hp.stop(t)
}
