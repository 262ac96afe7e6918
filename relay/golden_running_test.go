package main

import (
	"strings"
	"testing"
	"time"

	"relay/relay/internal/api"
)

// everyAsk are the commands that want a relay or its queue.
var everyAsk = [][]string{
	{"status"},
	{"status", "--json"},
	{"health"},
	{"queue", "stats"},
	{"queue", "list"},
	{"queue", "show", "1-0"},
	{"queue", "export"},
	{"dead", "list"},
	{"dead", "show", "0000000100000000"},
	{"dead", "export"},
	{"dead", "retry", "--all"},
	{"dead", "drop", "--all", "--yes"},
	{"lane", "list"},
	{"lane", "pause", "701000000000001"},
	{"lane", "resume", "701000000000001"},
	{"lane", "move", "701000000000001", "701000000000002"},
	{"lane", "drop", "701000000000001", "--yes"},
	{"receipt", "o-1"},
	{"forget"},
	{"forward", "replay"},
	{"reload"},
	{"tail"},
	{"backup", "never-written.tar"},
	{"restore", "never-written.tar"},
	{"support-bundle", "never-written.zip"},
}

func stdinOf(args []string) string {
	if args[0] == "forget" {
		return "ada@example.com\nu1\n"
	}
	return ""
}

// goldenNothing records what commands say when no relay runs and there is no
// queue.
func goldenNothing(t *testing.T, r *record) {
	s := r.openShop(t, "127.0.0.1:1", testMapping, "queue: { path: data }\n")
	r.state = "no relay runs, no queue"
	for _, args := range everyAsk {
		r.relay(t, ask{config: s.path("relay.yaml"), stdin: stdinOf(args)}, args...)
	}
}

const waitingMapping = `version: 1
event_sets:
  stores: { id: "701000000000001" }
  carts: { id: "701000000000002" }
events:
  Order Completed: stores
  Product Added: [stores, carts]
default_country: US
default_currency: USD
`

// goldenWaiting records a relay without a token: nothing waits, then some do,
// then it is stopped.
func goldenWaiting(t *testing.T, r *record) {
	s := r.openShop(t, "127.0.0.1:1", waitingMapping, "queue: { path: data, max_size: 64MiB }\ngraph: { endpoint: \"http://%s\" }\n")
	s.open(t, r)
	s.until(t, "the lanes know that there is no token", func(st api.Status) bool {
		return laneOf(st, "701000000000001").State == "no_token" && laneOf(st, "701000000000002").State == "no_token"
	})
	r.state = "a relay without a token, nothing waits"
	r.looks(t, s)
	r.gets(t, s)
	r.relay(t, ask{config: s.path("relay.yaml")}, "health")

	s.sells(t, order("o-1"), order("o-2"),
		`{"type":"track","messageId":"c-1","event":"Product Added","userId":"u1","properties":{"product_id":"p1","price":3}}`,
		`{"type":"track","messageId":"t-1","event":"Till Opened","userId":"u1"}`,
		`{"type":"track","event":"Order Completed","userId":"u2","properties":{"revenue":1}}`)
	if status, answer := post(t, s.p.url+"/v1/batch", `{"batch":[{"type":"track","messageId":"b-1","event":7,"context":{"traits":{"email":"ada@example.com"}}}]}`); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	s.until(t, "the unusable message is a dead letter", func(st api.Status) bool { return st.Queue.Dead == 1 && st.Queue.Refused == 0 })
	r.state = "a relay without a token, events wait"
	r.looks(t, s, "1-0", "1-3", "1-9", "0000000100000000", "nothing")
	conf := s.path("relay.yaml")
	for _, args := range [][]string{
		{"queue", "list", "--limit", "1"},
		{"queue", "list", "--event-set", "unmapped"},
		{"queue", "list", "--event", "Product Added", "--json"},
		{"queue", "list", "--since", "2000-01-01", "--event", "nothing"},
		{"queue", "show", "--show-pii", "1-0"},
		{"queue", "show", "first"},
		{"dead", "list", "--reason", "expired"},
		{"dead", "retry", "--all", "--dry-run"},
		{"dead", "retry", "--all", "--dry-run", "--json"},
		{"dead", "drop", "--all", "--dry-run"},
		{"dead", "drop", "--all"},
		{"lane", "drop", "701000000000002"},
		{"receipt", "o-1"},
		{"receipt", "o-1", "--json"},
		{"receipt", "t-1"},
		{"receipt", "unknown"},
	} {
		r.relay(t, ask{config: conf, rules: []rule{columns}}, args...)
	}
	r.gets(t, s)
	s.p.stop(t)

	r.state = "stopped, events wait"
	r.rules = volume
	r.looks(t, s, "1-0", "nothing")
	for _, args := range [][]string{
		{"health"},
		{"reload"},
		{"tail"},
		{"lane", "pause", "stores"},
		{"receipt", "o-1"},
		{"dead", "retry", "--all", "--dry-run"},
		{"dead", "retry", "--all"},
		{"dead", "drop", "--all", "--yes"},
		{"lane", "move", "carts", "stores"},
		{"lane", "drop", "carts", "--yes"},
		{"lane", "list"},
	} {
		r.relay(t, ask{config: conf, rules: []rule{sizes, columns}}, args...)
	}
	r.relay(t, ask{config: conf, stdin: "person.o-1@example.com\n"}, "forget")
	r.relay(t, ask{config: conf, stdin: "nobody@example.com\n"}, "forget")
	written := []rule{pattern(`\d+(?:\.\d)? (?:B|[KMG]iB) written`, "<size> written")}
	r.relay(t, ask{config: conf, rules: written}, "backup", s.path("copy.tar"))
	r.relay(t, ask{config: conf, rules: written}, "backup", s.path("copy.tar"))
	r.relay(t, ask{config: conf}, "backup", "--verify", s.path("copy.tar"))
	r.relay(t, ask{config: conf}, "backup", "--verify", s.path("mapping.yaml"))
	r.relay(t, ask{config: conf}, "restore", s.path("copy.tar"))
	r.relay(t, ask{config: conf, rules: written}, "support-bundle", s.path("help.zip"))
	r.relay(t, ask{config: conf}, "support-bundle", s.path("help.zip"))
	r.imports(t, s)
	r.state = "stopped, the queue is open elsewhere"
	other := s.start(t)
	r.know(strings.TrimPrefix(other.url, "http://"), "<intake>")
	s.write(t, "deaf.yaml", strings.Replace(read(t, conf), "admin: { ", "admin: { socket: { path: nowhere.sock }, ", 1))
	for _, args := range [][]string{{"run"}, {"status"}, {"dead", "list"}, {"lane", "drop", "stores", "--yes"}} {
		r.relay(t, ask{config: s.path("deaf.yaml"), rules: []rule{pattern(`(?m)^(time=|\{"time").*\n`, "")}}, args...)
	}
	other.stop(t)
}

// imports records `relay import`, in whatever state the shop is.
func (r *record) imports(t *testing.T, s *shop) {
	t.Helper()
	conf := s.path("relay.yaml")
	yesterday := time.Now().UTC().Add(-24 * time.Hour) // not too old to be sent
	s.write(t, "sales.jsonl", `{"event":"Order Completed","messageId":"i-1","timestamp":"`+yesterday.Format(time.RFC3339)+`","userId":"u1","properties":{"revenue":5}}
{"event":"Order Completed","messageId":"i-2","timestamp":"yesterday","userId":"u1","properties":{"revenue":5}}
not JSON
{"type":"identify","userId":"u1"}
`)
	s.write(t, "sales.csv", "Date;E-Mail;Total;Clerk\n"+yesterday.Format("2006-01-02 15:04")+";ada@example.com;9,50;7\n")
	for _, args := range [][]string{
		{"sales.jsonl", "--dry-run"},
		{"sales.jsonl"},
		{"sales.jsonl", "--skip-bad"},
		{"sales.jsonl", "--skip-bad"},
		{"sales.jsonl", "--skip-bad", "--strict", "--run", "again"},
		{"sales.jsonl", "--skip-bad", "--json", "--run", "third"},
		{"sales.csv", "--event", "Order Completed", "--column", "Date=timestamp", "--column", "E-Mail=context.traits.email", "--column", "Total=revenue", "--column", "Clerk=", "--json"},
		{"nowhere.csv"},
		{"mapping.yaml"},
		{"."},
	} {
		call := append([]string{"import", s.path(args[0])}, args[1:]...)
		r.relay(t, ask{config: conf}, call...)
	}
	r.wrote(t, "import.refused", s.path("sales.jsonl.refused.jsonl"))
}
