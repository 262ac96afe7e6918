package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// A secret that is gone beside receipts is said by log, doctor and forget, also
// after another one was made; a thing that cannot be read is not replaced.
func TestSecretGone(t *testing.T) {
	t.Parallel()
	_, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, strings.Replace(testConfig(addr, ""), "admin: { listen: 127.0.0.1:0 }", "admin: { listen: "+freeAddr(t)+" }", 1), testMapping)
	conf := h.path("relay.yaml")
	forget := func() string {
		t.Helper()
		code, out := command(t, "person.A1@example.com\n", "forget", "--config", conf)
		if code != exit.OK {
			t.Fatalf("forget ended with %d: %s", code, out)
		}
		return out
	}
	doctorSays := func(code string) {
		t.Helper()
		if _, out := command(t, "", "doctor", "--json", "--config", conf); !strings.Contains(out, `"code":"`+code+`"`) {
			t.Errorf("relay doctor has no %s:\n%s", code, out)
		}
	}
	p := h.start(t)
	if status, body := post(t, p.url+"/v1/track", order("A1")); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "the order is delivered", func() bool { return p.status(t).Totals.Delivered == 1 })
	p.stop(t)
	if err := os.Remove(h.path("data/secret")); err != nil {
		t.Fatal(err)
	}
	doctorSays("secret_missing")
	for i := range 2 { // it is made anew, and there the second time
		p = h.start(t)
		if n := strings.Count(p.log.String(), `"code":"secret_replaced"`); n != 1-i {
			t.Errorf("start %d: logged %d times", i, n)
		}
		doctorSays("secret_replaced")
		if out := forget(); strings.Contains(out, "nor receipts") || !strings.Contains(out, "1 receipts could not be searched") {
			t.Errorf("start %d: %s", i, out)
		}
		p.stop(t)
	}
	if out := forget(); !strings.Contains(out, "1 receipts could not be searched") {
		t.Errorf("without a relay: %s", out)
	}
	if err := os.Remove(h.path("data/secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.path("data/secret"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, code := h.command(t, "run", "--config", conf); code != exit.Config || !strings.Contains(out, "backup") {
		t.Errorf("a directory: %d %s", code, out)
	}
	doctorSays("secret_unusable")
}

// Receipts of before are forgotten, and not added to, when no more are kept.
func TestForgetReceiptsOfBefore(t *testing.T) {
	t.Parallel()
	_, addr := startSandbox(t, sandbox.Options{})
	conf := strings.Replace(testConfig(addr, ""), "admin: { listen: 127.0.0.1:0 }", "admin: { listen: "+freeAddr(t)+" }", 1)
	h := newHome(t, conf, testMapping)
	deliver := func(p *process, id string) {
		t.Helper()
		if status, body := post(t, p.url+"/v1/track", order(id)); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		eventually(t, "the order is delivered", func() bool { return p.status(t).Totals.Delivered == 1 })
	}
	p := h.start(t)
	deliver(p, "B1")
	p.stop(t)
	h.write(t, "relay.yaml", strings.Replace(conf, "segment_size: 1MiB", "segment_size: 1MiB, receipts_max_size: 0", 1))
	p = h.start(t)
	deliver(p, "B2")
	for id, kept := range map[string]bool{"B1": true, "B2": false} { // the event itself may lie in the queue for a moment yet
		code, out := command(t, "person."+id+"@example.com\n", "forget", "--config", h.path("relay.yaml"))
		if code != exit.OK || strings.Contains(out, "1 receipt") != kept {
			t.Errorf("%s: %d %s", id, code, out)
		}
	}
}
