package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

const lanesMapping = `version: 1
event_sets:
  stores: { id: "701000000000001" }
  forbidden: { id: "701000000000002" }
  unknown: { id: "701000000000003" }
  failing: { id: "701000000000004" }
  throttled: { id: "701000000000005" }
  refusing: { id: "701000000000006" }
  paused: { id: "701000000000007" }
  doubtful: { id: "701000000000008" }
events:
  Order Completed: stores
  Forbidden Sale: forbidden
  Unknown Sale: unknown
  Failing Sale: failing
  Throttled Sale: throttled
  Refused Sale: refusing
  Paused Sale: paused
  Doubtful Sale: doubtful
default_country: US
`

// lettered are events that become dead letters, each for another reason.
func lettered() []string {
	sale := func(id, more string) string {
		return fmt.Sprintf(`{"type":"track","messageId":%q,"event":"Order Completed",%s}`, id, more)
	}
	soon := time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
	return []string{
		sale("d-1", `"userId":"u1","properties":{"currency":"USD"}`),
		sale("d-2", `"userId":"u1","properties":{"currency":"USD","revenue":"lots"}`),
		sale("d-3", `"userId":"u1","properties":{"revenue":5}`),
		sale("d-4", `"userId":"u1","properties":{"revenue":5,"currency":"dollars"}`),
		sale("d-5", `"userId":"u1","timestamp":"2020-01-01T00:00:00Z","properties":{"revenue":5,"currency":"USD"}`),
		sale("d-6", `"userId":"u1","timestamp":"`+soon+`","properties":{"revenue":5,"currency":"USD"}`),
		sale("d-7", `"properties":{"revenue":5,"currency":"USD"},"context":{"traits":{"email":"a@b"}}`),
		sale("d-8", `"properties":{"revenue":5,"currency":"USD"},"context":{"traits":{"firstName":"Ada","gender":"f"}}`),
	}
}

// failures makes the simulator answer each event set in a way of its own.
func failures() map[string]*sandbox.Behaviour {
	return map[string]*sandbox.Behaviour{
		"701000000000002": {Mode: sandbox.Permission},
		"701000000000003": {Mode: sandbox.Missing},
		"701000000000004": {Mode: sandbox.Fail},
		"701000000000005": {Mode: sandbox.Throttled, RegainMinutes: 60},
		"701000000000006": {Mode: sandbox.RefuseAll},
		"701000000000008": {Mode: sandbox.CutAfter},
	}
}

// goldenLanes records a relay beside the simulator: delivered events, dead
// letters of every reason, event sets in every state; what an operator does
// about them; files that are refused.
func goldenLanes(t *testing.T, r *record) {
	sb, addr := startSandbox(t, sandbox.Options{Settings: sandbox.Settings{Sets: failures()}})
	s := r.openShop(t, addr, lanesMapping, "queue: { path: data, max_size: 64MiB }\nbatch: { max_wait: 10ms }\ngraph: { endpoint: \"http://%s\", access_token: test-token }\n")
	r.rules = []rule{requests, padding, aged}
	s.open(t, r)
	s.sells(t, order("o-1"))
	s.until(t, "the order is delivered", func(st api.Status) bool { return laneOf(st, "701000000000001").Counts["delivered"] == 1 })
	r.state = "delivered"
	r.looks(t, s)
	conf := s.path("relay.yaml")
	r.relay(t, ask{config: conf}, "receipt", "o-1")
	r.relay(t, ask{config: conf}, "receipt", "o-1", "--json")
	r.relay(t, ask{config: conf, stdin: "o-1\r\n\n  o-1 \nunknown-1\nunknown-2\n"}, "receipt", "-")
	r.relay(t, ask{config: conf, stdin: "\n"}, "receipt", "-")
	r.http(t, call{file: "api/receipts", base: s.p.admin, path: "/api/v1/receipts?id=o-1"})

	// From here on a wait with jitter may end while this looks: what is mapped
	// again is counted again.
	r.rules = append(r.rules, field("failures|attempts|in_flight|sent|missing|unusable", "<count>"))
	s.loses(t, sb)
	s.stalls(t)
	s.quiet(t)
	r.state = "every state"
	r.looks(t, s, "0000000100000000", "0000000100000001")
	r.gets(t, s)
	r.metrics(t, s)
	r.relay(t, ask{config: conf}, "receipt", "d-1")
	r.relay(t, ask{config: conf}, "receipt", "d-9")
	r.relay(t, ask{config: conf}, "receipt", "p-1")
	for _, args := range [][]string{
		{"dead", "list", "--reason", "rejected"},
		{"dead", "list", "--limit", "2"},
		{"dead", "list", "--event-set", "701000000000006"},
		{"dead", "list", "--since", "2000-01-01", "--event", "Refused Sale", "--json"},
		{"dead", "retry", "--all", "--dry-run"},
		{"dead", "retry", "--reason", "missing_currency", "--dry-run", "--json"},
		{"dead", "retry", "nothing"},
		{"dead", "drop", "--reason", "expired", "--dry-run"},
		{"dead", "drop", "--reason", "expired", "--yes"},
	} {
		r.relay(t, ask{config: conf, rules: []rule{columns}}, args...)
	}
	const letter = `{"id":"0000000100000000","message_id":"m-1","event":"Order Completed","event_set":"701000000000001","reason":"rejected","received_at":"2026-11-02T10:00:00Z","dead_at":"2026-11-02T10:01:00Z","body":{"event":"Order Completed"}}` + "\n"
	r.relay(t, ask{config: conf, stdin: letter}, "import", "--dead", "-", "--dry-run")
	r.relay(t, ask{config: conf, stdin: letter + order("o-1") + "\n"}, "import", "--dead", "-")
	r.relay(t, ask{file: "completion"}, "__complete", "dead", "show", "--config", conf, "")
	r.doctor(t, s)
	r.operates(t, s)
	r.reloads(t, s)
	s.p.stop(t)
	r.state = "stopped"
	r.rules = append(r.rules, volume...)
	r.looks(t, s)
}

// loses makes dead letters, one after the other so that their order is known.
func (s *shop) loses(t *testing.T, sb *sandbox.Sandbox) {
	t.Helper()
	n := int64(0)
	next := func(post func()) {
		t.Helper()
		n++
		post()
		s.until(t, fmt.Sprintf("dead letter %d", n), func(st api.Status) bool { return st.Queue.Dead == n })
	}
	for _, e := range lettered() {
		next(func() { s.sells(t, e) })
	}
	next(func() {
		if err := sb.SetModeOf("701000000000001", sandbox.RefuseAll); err != nil {
			t.Fatal(err)
		}
		s.sells(t, order("d-9"))
	})
	if err := sb.SetModeOf("701000000000001", ""); err != nil {
		t.Fatal(err)
	}
	large := `{"type":"track","messageId":"d-11","event":"Order Completed","userId":"u1","properties":{"note":"` + strings.Repeat("x", 256<<10) + `"}}`
	for _, e := range []string{`{"type":"track","messageId":"d-10","event":7}`, large} {
		next(func() {
			if status, answer := post(t, s.p.url+"/v1/batch", `{"batch":[`+e+`]}`); status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
		})
	}
}

// stalls brings every other event set into its state.
func (s *shop) stalls(t *testing.T) {
	t.Helper()
	if code, _, e := do(t, "lane", "pause", "paused", "--config", s.path("relay.yaml")); code != exit.OK {
		t.Fatal(e)
	}
	sale := func(id, event string) string {
		return fmt.Sprintf(`{"type":"track","messageId":%q,"event":%q,"userId":"u1","properties":{"revenue":5,"currency":"USD"}}`, id, event)
	}
	for _, x := range []struct{ id, event, lane, state string }{
		{"f-1", "Forbidden Sale", "701000000000002", "paused_permission"},
		{"k-1", "Unknown Sale", "701000000000003", "paused_config"},
		{"e-1", "Failing Sale", "701000000000004", "waiting_retry"},
		{"h-1", "Throttled Sale", "701000000000005", "throttled"},
		{"r-", "Refused Sale", "701000000000006", "breaker"},
		{"p-1", "Paused Sale", "701000000000007", "manually_paused"},
		{"q-1", "Doubtful Sale", "701000000000008", "waiting_retry"},
	} {
		if x.state == "breaker" {
			var all []string
			for i := range 5 {
				all = append(all, sale(fmt.Sprint(x.id, i), x.event))
			}
			if status, answer := post(t, s.p.url+"/v1/batch", `{"batch":[`+strings.Join(all, ",")+`]}`); status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
		} else {
			s.sells(t, sale(x.id, x.event))
		}
		s.until(t, x.event+" is "+x.state, func(st api.Status) bool {
			l := laneOf(st, x.lane)
			return l.State == x.state && l.Pending > 0 && (l.LastError != nil || x.state == "manually_paused" || x.state == "breaker")
		})
	}
}

// volume is for output of a queue that no relay holds open: it knows no
// queue.max_size, and tells a bound that depends on the disk.
var volume = []rule{field("max_bytes", "<bytes>"), pattern(`\b\d+(?:\.\d)? [KMG]iB on disk`, "<size> on disk"), pattern(`at most  \d+(?:\.\d)? [KMG]iB`, "at most  <size>")}

// What differs in letters and receipts.
var (
	requests = pattern(`("request": ?|in request )"?[0-9a-f]{32}"?`, "${1}<request>") // a hash of bytes with the time in them
	padding  = pattern(`x{1000,}`, "<padding>")
	aged     = pattern(`event_time is (?:\d+ (days old)|\S+ (ahead))`, "event_time is <duration> ${1}${2}")
)
