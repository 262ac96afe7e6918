package admin

import (
	"net/http"
	"strings"
	"testing"

	"relay/queue"
	"relay/queue/local"
)

// What a person removes is counted once, by the queue, under the reason that
// its documentation gives.
func TestRemovedByAPerson(t *testing.T) {
	q, err := local.Open(t.TempDir(), local.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	event := func(id, lane string) queue.Entry {
		return queue.Entry{ID: id, Lanes: []string{lane}, Received: noon, Body: []byte(`{"event":"Order Completed","messageId":"` + id + `","userId":"` + id + `"}`)}
	}
	if _, err := q.Append(t.Context(), []queue.Entry{event("m-1", setA), event("m-2", setA), event("m-3", setB)}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Settle(setB, queue.Settlement{Dead: []queue.DeadLetter{
		{Seq: 1, MessageID: "m-4", EventSet: setB, Reason: "rejected", Body: []byte(`{"userId":"m-4"}`)},
	}}); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.Access.Token, o.Queue, o.Drain = testToken, q, nil })
	for _, call := range []struct{ path, body string }{
		{"/api/v1/dead/drop", `{"all":true}`},
		{"/api/v1/forget", `{"lines":["m-3"]}`},
		{"/api/v1/lanes/" + setA + "/drop", `{"confirm":"` + setA + `"}`},
	} {
		if status, body, _ := f.ask(http.MethodPost, call.path, call.body, "Authorization", "Bearer "+testToken); status != 200 {
			t.Fatalf("%s: %d %s", call.path, status, body)
		}
	}
	_, body, _ := f.ask(http.MethodGet, "/metrics", "")
	want := map[string]string{queue.DropDeadOperator: "1", queue.DropForgotten: "1", queue.DropOperator: "2"}
	for _, reason := range queue.DropReasons() {
		n := want[reason]
		if n == "" {
			n = "0"
		}
		if line := `relay_queue_dropped_events_total{reason="` + reason + `"} ` + n + "\n"; !strings.Contains(body, line) {
			t.Errorf("no %q in\n%s", line, body)
		}
	}
	if strings.Contains(body, "relay_events_removed_total") {
		t.Error("counted a second time under another name")
	}
}
