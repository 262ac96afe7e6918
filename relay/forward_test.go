package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

const storeKey = "key-of-store-0042"

// hubHome is a hub at an address that stays the same over restarts.
func hubHome(t *testing.T, graph, more string) (h home, url string) {
	t.Helper()
	addr := freeAddr(t)
	more = `auth: { keys: [{ key: ` + storeKey + `, store: "0042" }, { key: key-of-store-0043, store: "0043" }, { key: key-of-no-store, events: [Order Completed] }] }` + "\n" + more
	return newHome(t, strings.Replace(testConfig(graph, more), "listen: 127.0.0.1:0", "listen: "+addr, 1), testMapping), "http://" + addr
}

func edgeConfig(hub, key string) string {
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
queue: { path: data, segment_size: 1MiB }
forward: { url: %s, key: %s }
rate: { requests_per_second: 100, burst: 100 }
batch: { max_wait: 20ms, max_events: 20 }
retry: { min_interval: 20ms, max_interval: 200ms, probe_interval: 1s }
`, hub, key)
}

func edgeHome(t *testing.T, hub, key string) home {
	t.Helper()
	h := home{dir: t.TempDir()}
	h.write(t, "relay.yaml", edgeConfig(hub, key))
	return h
}

// queued are the messageIds that wait in a relay's queue, and how often each does.
func queued(t *testing.T, h home) map[string]int {
	t.Helper()
	out, err := relayCommand(t.Context(), "queue", "export", "--config", h.path("relay.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var x struct {
			MessageID string `json:"message_id"`
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		got[x.MessageID]++
	}
	return got
}

// TestForwardOverKills kills a store's relay, its hub, or both again and again while
// clients post to the store's: what was answered 200 there lies at the hub once.
func TestForwardOverKills(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	hub, url := hubHome(t, "127.0.0.1:1", "")
	hub.write(t, "relay.yaml", strings.Replace(read(t, hub.path("relay.yaml")), "requests_per_second: 50", "requests_per_second: 0", 1))
	edge := edgeHome(t, url, storeKey)
	hp, ep := hub.start(t), edge.start(t)

	var mu sync.Mutex
	acked := map[string]bool{}
	for round := range rounds {
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for client := range 4 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("f%d-%d-%d", round, client, i)
					r, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.url+"/v1/track", strings.NewReader(order(id)))
					if err != nil {
						return
					}
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						return
					}
					resp.Body.Close()
					if resp.StatusCode == http.StatusOK {
						mu.Lock()
						acked[id] = true
						mu.Unlock()
					}
				}
			})
		}
		eventually(t, "events are answered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acked) >= 30*(round+1)
		})
		timer := time.NewTimer(time.Duration(rand.IntN(400)) * time.Millisecond)
		<-timer.C
		if round%3 != 1 {
			hp.kill(t)
		}
		if round%3 != 0 {
			ep.kill(t)
		}
		stop()
		wg.Wait()
		if round%3 != 1 {
			hp = hub.start(t)
		}
		if round%3 != 0 {
			ep = edge.start(t)
		}
	}
	eventually(t, "the store's relay has handed over everything", func() bool { return len(queued(t, edge)) == 0 })
	got := queued(t, hub)
	for id := range acked {
		if got[id] != 1 {
			t.Errorf("%s lies at the hub %d times", id, got[id])
		}
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s lies at the hub %d times", id, n)
		}
	}
	t.Logf("%d events answered 200 over %d kills; %d at the hub", len(acked), rounds, len(got))
	ep.stop(t)
	hp.stop(t)
}

// TestForwardStores: two stores with the same messageIds, a key that is wrong first,
// one of no store, and what cannot be used: everything ends at the hub.
func TestForwardStores(t *testing.T) {
	sb, addr := startSandbox(t, sandbox.Options{})
	hub, url := hubHome(t, addr, "")
	one, two := edgeHome(t, url, "a-wrong-key"), edgeHome(t, url, "key-of-no-store")
	hp, p1, p2 := hub.start(t), one.start(t), two.start(t)
	for _, p := range []*process{p1, p2} {
		if status, body := post(t, p.url+"/v1/track", order("same-1")); status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	if status, body := post(t, p1.url+"/v1/batch", `{"batch":[{"type":"track","messageId":"bad-1"}]}`); status != http.StatusOK {
		t.Fatal(status, body)
	}
	status := func(h home) string {
		out, _ := relayCommand(t.Context(), "status", "--config", h.path("relay.yaml")).CombinedOutput()
		return string(out)
	}
	eventually(t, "the wrong key is told", func() bool { return strings.Contains(status(one), "The hub does not know this key.") })
	eventually(t, "the key of no store is told", func() bool { return strings.Contains(status(two), "The key belongs to no store.") })
	if said := status(one); strings.Count(said, "The hub does not know this key.") != 1 || !strings.Contains(said, ": HTTP 401 (") {
		t.Errorf("status says it more than once, or not what was seen:\n%s", said)
	}
	doctor := func(h home, want string, wantCode int, args ...string) {
		t.Helper()
		out, code := h.command(t, append([]string{"doctor", "--config", h.path("relay.yaml")}, args...)...)
		if code != wantCode || !strings.Contains(out, want) || strings.Contains(out, "token") {
			t.Errorf("%d: %s", code, out)
		}
	}
	doctor(one, "The hub does not know this key.", exit.Failure)
	doctor(two, "The key belongs to no store.", exit.Failure)
	one.write(t, "relay.yaml", edgeConfig(url, storeKey))
	two.write(t, "relay.yaml", edgeConfig(url, "key-of-store-0043"))
	if out, code := one.command(t, "check", "--config", one.path("relay.yaml")); code != 0 || !strings.Contains(out, "forwards everything to "+url) {
		t.Errorf("%d: %s", code, out)
	}
	want := []string{"0042:same-1", "0043:same-1"}
	eventually(t, "both are at Meta", func() bool { return sb.Verify(want, "").Missing == 0 })
	eventually(t, "what cannot be used is a dead letter of the hub", func() bool {
		out, _ := relayCommand(t.Context(), "dead", "list", "--json", "--config", hub.path("relay.yaml")).Output()
		return strings.Contains(string(out), `"message_id":"bad-1"`)
	})
	doctor(one, "The hub accepts this relay's key", exit.OK)
	doctor(one, "at the hub", exit.UsageCode, "--test-event-code", "TEST1")
	if out, _ := relayCommand(t.Context(), "dead", "list", "--json", "--config", one.path("relay.yaml")).Output(); len(out) > 0 {
		t.Errorf("dead letters at the store: %s", out)
	}
	out, err := relayCommand(t.Context(), "status", "--stores", "--config", hub.path("relay.yaml")).Output()
	if err != nil || strings.Count(string(out), "\n") != 3 || strings.Contains(string(out), "not since") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, body := get(t, hp.admin+"/metrics"); !strings.Contains(body, `relay_store_forwarded_events{store="0043"} 1`) || !strings.Contains(body, `relay_store_waiting_events{store="0042"} 0`) {
		t.Errorf("no metrics of stores: %s", body)
	}
	if status, body := post(t, p1.url+"/v1/forward", "x"); status != http.StatusNotFound {
		t.Errorf("a relay that forwards answers %d %s", status, body)
	}
	if status, body := post(t, hp.url+"/v1/forward", "x"); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d %s", status, body)
	}
	p1.stop(t)
	p2.stop(t)
	hp.stop(t)
}

// TestForwardMove: a relay that has a backlog of its own begins to forward, and its
// backlog is moved by hand.
func TestForwardMove(t *testing.T) {
	sb, addr := startSandbox(t, sandbox.Options{})
	hub, url := hubHome(t, addr, "")
	hp := hub.start(t)
	store := newHome(t, testConfig("127.0.0.1:1", ""), testMapping)
	p := store.start(t)
	for _, body := range []string{order("old-1"), `{"type":"track","messageId":"old-2","event":"Till Opened"}`} {
		if status, body := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	p.stop(t)
	store.write(t, "relay.yaml", edgeConfig(url, storeKey))
	p = store.start(t)
	out, err := relayCommand(t.Context(), "lane", "move", "701000000000001", "forward", "--config", store.path("relay.yaml")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the backlog is at Meta", func() bool { return sb.Verify([]string{"0042:old-1"}, "").Missing == 0 })
	eventually(t, "what no mapping knew is at the hub", func() bool { return queued(t, hub)["old-2"] == 1 })
	p.stop(t)
	hp.stop(t)
}

// TestForwardTLS: a store's relay hands over to a hub with a certificate of an authority
// of its own: not before it knows the authority.
func TestForwardTLS(t *testing.T) {
	t.Parallel()
	hub, url := hubHome(t, "127.0.0.1:1", "tls: { cert: tls/relay.pem, key: tls/relay.key }\n")
	if out, code := hub.command(t, "tls", "init"); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	hp := hub.start(t)
	url = strings.Replace(url, "http:", "https:", 1)
	edge := edgeHome(t, url, storeKey)
	ep := edge.start(t)
	if status, body := post(t, ep.url+"/v1/track", order("tls-1")); status != http.StatusOK {
		t.Fatal(status, body)
	}
	eventually(t, "the unknown authority is told", func() bool {
		out, _ := edge.command(t, "status", "--config", edge.path("relay.yaml"))
		return strings.Contains(out, "authority this machine does not know")
	})
	if out, code := edge.command(t, "doctor", "--config", edge.path("relay.yaml")); code != exit.Failure || !strings.Contains(out, "graph.ca_file") {
		t.Errorf("%d: %s", code, out)
	}
	ep.stop(t)
	edge.write(t, "relay.yaml", edgeConfig(url, storeKey)+"graph: { ca_file: "+hub.path("tls/ca.pem")+" }\n")
	ep = edge.start(t)
	eventually(t, "the event is at the hub", func() bool { return queued(t, hub)["tls-1"] == 1 })
	eventually(t, "the store has handed it over", func() bool { return len(queued(t, edge)) == 0 })
	if out, code := edge.command(t, "doctor", "--config", edge.path("relay.yaml")); code != 0 || !strings.Contains(out, "The hub accepts this relay's key") {
		t.Errorf("%d: %s", code, out)
	}
	ep.stop(t)
	hp.stop(t)
}

// TestForwardFull: a hub without room takes nothing, the store keeps what comes, and
// goes on once there is room.
func TestForwardFull(t *testing.T) {
	t.Parallel()
	hub, url := hubHome(t, "127.0.0.1:1", "")
	roomy := read(t, hub.path("relay.yaml"))
	tight := strings.Replace(roomy, "segment_size: 1MiB", "segment_size: 256KiB, max_size: 1MiB", 1)
	if tight == roomy {
		t.Fatal("the config has another form")
	}
	hub.write(t, "relay.yaml", tight)
	edge := edgeHome(t, url, storeKey)
	hp, ep := hub.start(t), edge.start(t)
	want := map[string]bool{}
	noise := rand.NewChaCha8([32]byte{1})
	for i := range 60 {
		var pad [20_000]byte
		noise.Read(pad[:])
		id := fmt.Sprint("full-", i)
		body := strings.Replace(order(id), `"properties":{`, fmt.Sprintf(`"properties":{"pad":"%x",`, pad[:14_000]), 1)
		if status, answer := post(t, ep.url+"/v1/track", body); status != http.StatusOK {
			t.Fatal(status, answer)
		}
		want[id] = true
	}
	eventually(t, "the full hub is told", func() bool {
		out, _ := edge.command(t, "status", "--config", edge.path("relay.yaml"))
		return strings.Contains(out, "The hub accepts no events at the moment.")
	})
	if len(queued(t, edge)) == 0 {
		t.Error("nothing waits at the store")
	}
	hp.stop(t)
	hub.write(t, "relay.yaml", roomy)
	hp = hub.start(t)
	ep.stop(t) // the wait that the hub asked for is that of another test
	ep = edge.start(t)
	eventually(t, "the store has handed over everything", func() bool { return len(queued(t, edge)) == 0 })
	got := queued(t, hub)
	for id := range want {
		if got[id] != 1 {
			t.Errorf("%s lies at the hub %d times", id, got[id])
		}
	}
	ep.stop(t)
	hp.stop(t)
}
