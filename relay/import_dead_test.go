package main

import (
	"encoding/json"
	"strings"
	"testing"

	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// letters are the dead letters of a relay, by messageId and event set, as they are exported but for their ids.
func letters(t *testing.T, h home) map[string]api.DeadDetail {
	t.Helper()
	got := map[string]api.DeadDetail{}
	out, err := relayCommand(t.Context(), "dead", "export", "--config", h.path("relay.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var x api.DeadDetail
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		key := x.MessageID + "@" + x.EventSet
		if _, twice := got[key]; twice {
			t.Errorf("two dead letters of %s", key)
		}
		x.ID = ""
		got[key] = x
	}
	return got
}

// TestImportDead: dead letters of a store's relay move to its hub. They are the same
// there, once, though the file is given twice and the hub is killed in between; sent
// again they go where they were to go, as the store's, and nowhere else.
func TestImportDead(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	const two = `version: 1
default_country: US
events:
  Order Completed: ["701000000000001", "701000000000002"]
`
	sb, addr := startSandbox(t, sandbox.Options{Settings: sandbox.Settings{Sets: map[string]*sandbox.Behaviour{"701000000000002": {Mode: sandbox.RefuseAll}}}})
	store := newHome(t, testConfig(addr, ""), two)
	sp := store.start(t)
	unpriced := strings.Replace(order("unpriced"), `,"currency":"USD"`, "", 1)
	other := strings.Replace(order("m-1"), "39.95", "41", 1)
	for _, body := range []string{order("m-1"), unpriced, other} {
		if status, answer := post(t, sp.url+"/v1/track", body); status != 200 {
			t.Fatal(status, answer)
		}
	}
	if status, answer := post(t, sp.url+"/v1/batch", `{"batch":[{"type":"track","messageId":"bad-1"}]}`); status != 200 {
		t.Fatal(status, answer)
	}
	// m-1 at the second set, unpriced at both, the other m-1, and bad-1
	eventually(t, "there are five dead letters", func() bool { return len(letters(t, store)) == 5 })
	want := letters(t, store)
	file, err := relayCommand(t.Context(), "dead", "export", "--config", store.path("relay.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	sp.stop(t)

	hub, _ := hubHome(t, addr, "")
	hub.write(t, "mapping.yaml", two+"default_currency: USD\n")
	hub.write(t, "letters.jsonl", string(file))
	bring := func(code int, want string, args ...string) {
		t.Helper()
		out, got := hub.command(t, append([]string{"import", "--dead", "--config", hub.path("relay.yaml")}, args...)...)
		if got != code || !strings.Contains(out, want) {
			t.Errorf("%v: %d: %s, want %d and %q", args, got, out, code, want)
		}
	}
	bring(exit.UsageCode, `no key in auth.keys has that store`, "letters.jsonl", "--store", "0044")
	bring(exit.UsageCode, "--skip-bad does not work with --dead", "letters.jsonl", "--skip-bad")
	bring(exit.UsageCode, "5 of 5 dead letters have no store, but auth.keys names stores here: add --store NAME", "letters.jsonl")
	bring(exit.UsageCode, "--store works only with --dead", "letters.jsonl", "--dead=false", "--store", "")
	bring(exit.OK, "5 dead letters", "letters.jsonl", "--dry-run", "--store", "")
	hub.write(t, "half.jsonl", string(file)+`{"id":"0000000100000000","reason":"rejected","masked":true}`+"\n")
	bring(exit.Failure, "line 6: the event is masked", "half.jsonl", "--store", "0042")
	hub.write(t, "sales.jsonl", order("x")+"\n")
	bring(exit.Failure, "line 1: not a dead letter", "sales.jsonl")
	bring(exit.OK, "5 stored\nrelay is not running", "letters.jsonl", "--store", "0042")
	hp := hub.start(t)
	if out, code := hub.with(t, string(file), "import", "--dead", "-", "--store", "0042", "--config", hub.path("relay.yaml")); code != exit.OK || !strings.Contains(out, "0 stored, 5 already stored") {
		t.Errorf("%d: %s", code, out)
	}
	eventually(t, "they are the hub's", func() bool { return len(letters(t, hub)) == len(want) })
	hp.kill(t)
	hp = hub.start(t)
	bring(exit.OK, "0 stored, 5 already stored", "letters.jsonl", "--store", "0042")
	got := letters(t, hub)
	for key, w := range want {
		w.Store = "0042"
		a, _ := json.Marshal(w)
		b, _ := json.Marshal(got[key])
		if string(a) != string(b) {
			t.Errorf("%s\n was %s\n  is %s", key, a, b)
		}
	}
	if n := len(sb.Events(sandbox.Filter{})); n != 1 {
		t.Errorf("%d conversions at Meta before anything was sent again, want the store's", n)
	}

	if err := sb.SetModeOf("701000000000002", ""); err != nil {
		t.Fatal(err)
	}
	if out, code := hub.command(t, "dead", "retry", "--all", "--yes", "--config", hub.path("relay.yaml")); code != exit.OK || !strings.Contains(out, "4 of 5 dead letters") {
		t.Errorf("%d: %s", code, out)
	}
	eventually(t, "all are delivered", func() bool { return len(sb.Events(sandbox.Filter{})) >= 6 })
	sets := map[string][]string{}
	for _, e := range sb.Events(sandbox.Filter{}) {
		sets[e.ID] = append(sets[e.ID], e.Set)
	}
	t.Log(sets)
	if len(sets["m-1"]) != 1 || len(sets["0042:m-1"]) != 1 || sets["0042:m-1"][0] != "701000000000002" || len(sets["0042:unpriced"]) != 2 {
		t.Errorf("delivered: %v", sets)
	}
	hp.stop(t)
}
