package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// The same event three times, over a kill and a restart, is stored once. Another
// event under its id is kept, once for each content, and sent under an id of its
// own when somebody says so, whatever ids clients have used meanwhile.
func TestOneIDForSeveralEvents(t *testing.T) {
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)
	send := func(p *process, path string, body string) {
		t.Helper()
		if code, answer := post(t, p.url+path, body); code != http.StatusOK || answer != `{"success":true}` {
			t.Fatalf("%s: %d %s", path, code, answer)
		}
	}
	again := strings.Replace(order("a"), `{"type"`, `{"sentAt":"2026-11-26T10:00:00Z","type"`, 1)
	again = strings.Replace(again, "39.95", "39.950", 1)
	other := strings.Replace(order("a"), "39.95", "40", 1)
	third := strings.Replace(order("a"), "loyal-a", "loyal-z", 1)

	p := h.start(t)
	send(p, "/v1/track", order("a"))
	send(p, "/v1/batch", `{"sentAt":"2026-11-26T10:00:01Z","batch":[`+again+","+other+","+order("b")+"]}")
	p.kill(t)
	// Fingerprints do not hang on the secret of the installation: without it, a
	// repeat is a repeat still.
	if err := os.Remove(h.path("data/" + seal.SecretName)); err != nil {
		t.Fatal(err)
	}
	p = h.start(t)
	send(p, "/v1/track", again)
	send(p, "/v1/track", other)
	send(p, "/v1/track", third)
	dead := func(n int) func() bool {
		return func() bool {
			_, m := httpGet(t, p.admin+"/metrics")
			return strings.Contains(string(m), fmt.Sprintf(`relay_queue_events{state="dead"} %d`+"\n", n))
		}
	}
	eventually(t, "both are dead letters", dead(2))
	p.stop(t)

	letters := conflicts(t, h)
	if len(letters) != 2 {
		t.Fatalf("dead letters %+v, want two", letters)
	}
	h.write(t, "sales.jsonl", strings.Join([]string{dated(again), dated(third), dated(strings.Replace(other, "40", "41", 1)), ""}, "\n"))
	out, err := relayCommand(t.Context(), "import", "--config", h.path("relay.yaml"), h.path("sales.jsonl")).CombinedOutput()
	if want := "3 rows, 0 stored, 2 already stored, 1 have the messageId of another event"; err != nil || !strings.Contains(string(out), want) {
		t.Fatalf("import: %v\n%s", err, out)
	}

	// Ids that look like the keys that relay makes for itself.
	p = h.start(t)
	want := map[string]int{"a": 1, "b": 1}
	eventually(t, "the imported one is a dead letter", dead(3))
	for _, id := range letters {
		send(p, "/v1/track", order("dead:"+id))
		want["dead:"+id], want["a."+id] = 1, 1
	}
	p.stop(t)
	letters = conflicts(t, h)
	if len(letters) != 3 {
		t.Fatalf("dead letters %+v, want three", letters)
	}
	want["a."+letters[2]] = 1
	retry := []string{"dead", "retry", "--all", "--config", h.path("relay.yaml")}
	if out, err = relayCommand(t.Context(), retry...).CombinedOutput(); exitOf(err) != exit.UsageCode || !strings.Contains(string(out), "3 dead letters arrived with the messageId of another event") {
		t.Fatalf("retry does not ask: %v\n%s", err, out)
	}
	if out, err = relayCommand(t.Context(), append(retry, "--yes")...).CombinedOutput(); err != nil || !strings.Contains(string(out), "3 of 3 dead letters put back") {
		t.Fatalf("retry: %v\n%s", err, out)
	}
	p = h.start(t)
	var got map[string]int
	eventually(t, "all are at the simulator", func() bool {
		got = map[string]int{}
		for _, e := range sb.Events(sandbox.Filter{}) {
			got[e.ID] += e.Times
		}
		return len(got) >= len(want)
	})
	if !maps.Equal(got, want) {
		t.Errorf("arrived %v, want %v", got, want)
	}
	p.stop(t)
}

// dated is an event with the time that an import asks for.
func dated(event string) string {
	return strings.Replace(event, `"type"`, `"timestamp":"`+time.Now().UTC().Format(time.RFC3339)+`","type"`, 1)
}

// conflicts gives the ids of all dead letters, which must be conflicts of a.
func conflicts(t *testing.T, h home) (ids []string) {
	t.Helper()
	out, err := relayCommand(t.Context(), "dead", "list", "--json", "--config", h.path("relay.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var d api.Dead
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if d.MessageID != "a" || d.Reason != mapper.ReasonIDConflict || d.Event != "Order Completed" {
			t.Errorf("dead letter %s", line)
		}
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}
