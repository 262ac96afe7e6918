package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// TestWithAndWithoutRelay asks the same of a running relay and of the queue
// it left behind, and expects the same answers.
func TestWithAndWithoutRelay(t *testing.T) {
	_, addr := startSandbox(t, sandbox.Options{})
	h := hotHome{home: home{dir: t.TempDir()}, graph: addr, admin: freeAddr(t), watch: "off", rate: "0", batch: "1000", level: "info"}
	h.save(t)
	h.write(t, "token", "EAAB-fake")
	h.write(t, "mapping.yaml", testMapping)
	p := h.start(t)
	for _, body := range []string{order("o-1"), order("o-2"), strings.Replace(order("o-3"), `"revenue":39.95,`, "", 1), `{"messageId":"o-4","event":"Not Mapped"}`} {
		if status, answer := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
	h.write(t, "one.json", `{"batch":[{"type":"track","messageId":"o-5","event":7}]}`)
	if status, answer := post(t, p.url+"/v1/batch", read(t, h.path("one.json"))); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	eventually(t, "the refused message is a dead letter, and waits no more", func() bool {
		q := p.status(t).Queue
		return q.Dead == 1 && q.Refused == 0
	})

	questions := map[string][]string{
		"queue list":    {"queue", "list", "--json"},
		"one event":     {"queue", "list", "--json", "--event", "Not Mapped"},
		"one set":       {"queue", "list", "--json", "--event-set", "701000000000001"},
		"limited":       {"queue", "list", "--json", "--limit", "1"},
		"since":         {"queue", "list", "--json", "--since", "1h"},
		"queue export":  {"queue", "export"},
		"dead list":     {"dead", "list", "--json"},
		"dead reason":   {"dead", "list", "--json", "--reason", "invalid"},
		"no such":       {"dead", "list", "--json", "--reason", "expired"},
		"dead export":   {"dead", "export"},
		"retry dry run": {"dead", "retry", "--all", "--dry-run", "--json"},
		"drop dry run":  {"dead", "drop", "--all", "--dry-run"},
	}
	ask := func() map[string]string {
		t.Helper()
		out := map[string]string{}
		for name, args := range questions {
			code, o, e := do(t, append(args, "--config", h.path("relay.yaml"))...)
			if said := strings.Contains(name, "export") && strings.Contains(e, "`relay forget` does not reach it"); code != exit.OK || e != "" && !said {
				t.Errorf("%s: exit %d: %s", name, code, e)
			}
			out[name] = o
		}
		return out
	}
	running := ask()
	for name, want := range map[string]int{"queue list": 4, "one event": 1, "one set": 3, "limited": 1, "since": 4, "queue export": 4, "dead list": 1, "dead reason": 1, "no such": 0, "dead export": 1} {
		if got := strings.Count(running[name], "\n"); got != want {
			t.Errorf("%s: %d lines, want %d:\n%s", name, got, want, running[name])
		}
	}
	var letter map[string]any
	if err := json.Unmarshal([]byte(running["dead list"]), &letter); err != nil {
		t.Fatal(err)
	}
	for key := range strings.FieldsSeq("id message_id event event_set reason message code subcode fbtrace_id received_at attempts") {
		if _, ok := letter[key]; !ok {
			t.Errorf("a dead letter has no %s: %s", key, running["dead list"])
		}
		delete(letter, key)
	}
	if len(letter) != 0 {
		t.Errorf("a dead letter has more than the contract says: %v", letter)
	}

	// While it runs, what only a running relay can do works …
	for _, args := range [][]string{{"health"}, {"reload"}, {"lane", "pause", "701000000000001"}, {"lane", "resume", "701000000000001"}, {"status"}} {
		if code, _, e := do(t, append(args, "--config", h.path("relay.yaml"))...); code != exit.OK {
			t.Errorf("%v: exit %d: %s", args, code, e)
		}
	}
	p.stop(t)
	// … and without one it says so: 75.
	for _, args := range [][]string{{"health"}, {"reload"}, {"tail"}, {"lane", "pause", "701000000000001"}} {
		if code, _, e := do(t, append(args, "--config", h.path("relay.yaml"))...); code != exit.Later || !strings.Contains(e, "no relay is running") {
			t.Errorf("%v: exit %d: %s", args, code, e)
		}
	}
	stopped := ask()
	for name := range questions {
		if running[name] != stopped[name] {
			t.Errorf("%s:\nrunning %s\nstopped %s", name, running[name], stopped[name])
		}
	}
	if code, out, e := do(t, "status", "--config", h.path("relay.yaml")); code != exit.OK || !strings.Contains(out, "not running") || !strings.Contains(out, "1 dead letter") {
		t.Errorf("status: exit %d\n%s%s", code, out, e)
	}
	bundle := filepath.Join(t.TempDir(), "support.zip")
	if code, _, e := do(t, "support-bundle", bundle, "--config", h.path("relay.yaml")); code != exit.OK {
		t.Errorf("support-bundle: exit %d: %s", code, e)
	}
	if info, err := os.Stat(bundle); err != nil || info.Size() < 1000 {
		t.Errorf("support bundle: %v, %v", info, err)
	}
	// Acting on the queue that nobody runs, and what is asked before.
	for _, c := range []struct {
		code int
		args []string
	}{
		{exit.UsageCode, []string{"dead", "retry"}},
		{exit.UsageCode, []string{"dead", "drop", "--all"}}, // no terminal to ask on
		{exit.UsageCode, []string{"dead", "list", "--since", "yesterday"}},
		{exit.Failure, []string{"dead", "show", "nothing"}},
		{exit.OK, []string{"dead", "drop", "--all", "--yes"}},
	} {
		if code, _, e := do(t, append(c.args, "--config", h.path("relay.yaml"))...); code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, code, c.code, e)
		}
	}
	if code, out, _ := do(t, "dead", "list", "--config", h.path("relay.yaml")); code != exit.OK || !strings.Contains(out, "0 dead letters") {
		t.Errorf("after the drop: exit %d, %s", code, out)
	}
}

// A dry run without a running relay says of a letter that is sent as it was before
// what the mapping of that time makes of it, as the real run does.
func TestOfflineRetryKnowsOlderMappings(t *testing.T) {
	h := hotHome{home: home{dir: t.TempDir()}, graph: "127.0.0.1:1", admin: freeAddr(t), watch: "off", rate: "0", batch: "1000", level: "info"}
	h.save(t)
	h.write(t, "token", "EAAB-fake")
	before := "version: 1\ndefault_currency: USD\nevents: { Order Completed: '701000000000001' }\n"
	h.write(t, "mapping.yaml", strings.Replace(before, "'701000000000001'", "{ to: '701000000000001', when: 'false' }", 1))
	old, _, err := mapper.Parse("mapping.yaml", []byte(before))
	if err != nil {
		t.Fatal(err)
	}
	q, err := local.Open(h.path("data"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for key, val := range map[string]string{"mapping/" + old.Digest(): before, "mappings": `["` + old.Digest() + `"]`} { // as a relay keeps them
		if err := q.SetNote(key, []byte(val)); err != nil {
			t.Fatal(err)
		}
	}
	letter := queue.DeadLetter{Event: "Order Completed", EventSet: "701000000000001", ReceivedAt: time.Now(), Lanes: []string{"701000000000001"}}
	asWas, asNow := letter, letter
	asWas.Seq, asWas.MessageID, asWas.Reason, asWas.Recipe, asWas.Body = 1, "m-1", "unanswered", old.Digest(), []byte(order("m-1"))
	asNow.Seq, asNow.MessageID, asNow.Reason, asNow.Body = 2, "m-2", "rejected", []byte(order("m-2"))
	if _, err := q.Settle("701000000000001", queue.Settlement{Dead: []queue.DeadLetter{asWas, asNow}}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, said := do(t, "dead", "retry", "--all", "--dry-run", "--json", "--config", h.path("relay.yaml"))
	var got struct {
		Send int            `json:"would_pass"`
		Skip map[string]int `json:"would_skip"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exit.OK {
		t.Fatalf("exit %d: %v %s %s", code, err, out, said)
	}
	if got.Send != 1 || got.Skip["filtered"] != 1 {
		t.Errorf("one goes as it was sent, one by the mapping of today: %s", out)
	}
}
