package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
)

// TestForwardWithoutMapping: what needs a mapping says at a relay that forwards that the hub
// has it; nothing speaks of a mapping of its own.
func TestForwardWithoutMapping(t *testing.T) {
	t.Parallel()
	const hub = "http://127.0.0.1:1"
	h := edgeHome(t, hub, storeKey)
	p := h.start(t)
	if code, said := post(t, p.url+"/v1/track", order("w1")); code != http.StatusOK {
		t.Fatal(code, said)
	}
	run := func(args ...string) (string, int) {
		c := relayCommand(context.WithoutCancel(t.Context()), append(args, "--config", h.path("relay.yaml"))...)
		c.Stdin = strings.NewReader(order("x"))
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		err := c.Run()
		return out.String(), exitOf(err)
	}
	const ask = "this relay forwards to " + hub + ", so it has no mapping of its own; the hub has it"
	all := func(when string) {
		for _, c := range []struct {
			args string
			want int
		}{
			{"map", 78},
			{"map --explain", 78},
			{"test", 78},
			{"lane move forward 701000000000001", 1},
			{"receipt w2", 1},
		} {
			if out, code := run(strings.Fields(c.args)...); code != c.want || !strings.Contains(out, ask) {
				t.Errorf("%s: relay %s: exit code %d, want %d; said %s", when, c.args, code, c.want, out)
			}
		}
	}
	all("running")
	if out, _ := run("status"); !strings.Contains(out, "mapping  "+ask+"\n") {
		t.Errorf("relay status:\n%s", out)
	}
	if out, code := run("status", "--json"); code != 0 || strings.Contains(out, `"digest": "3d3a249f4587`) || !strings.Contains(out, hub) {
		t.Errorf("relay status --json:\n%s", out)
	}
	for _, args := range []string{"receipt w1", "lane list", "check", "dead retry --all --dry-run", "queue list"} {
		if out, code := run(strings.Fields(args)...); code != 0 || strings.Contains(out, "no such file") {
			t.Errorf("relay %s: exit code %d: %s", args, code, out)
		}
	}
	p.stop(t)
	all("stopped")
}
