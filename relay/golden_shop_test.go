package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"relay/internal/socket"
	"relay/relay/internal/api"
	"relay/relay/internal/control"
)

// shop is a relay whose addresses have names in the record.
type shop struct {
	home
	admin string // address
	p     *process
}

// openShop writes a config and a mapping; more is appended to the config, in
// which %s is the address of the Graph API.
func (r *record) openShop(t *testing.T, graph, mapping, more string) *shop {
	t.Helper()
	s := &shop{home: home{dir: t.TempDir()}, admin: freeAddr(t)}
	r.know(s.dir, "<dir>")
	r.know(s.admin, "<admin>")
	r.adminBase, r.socket = "http://"+s.admin, socket.Paths(s.path("data"), control.Name)[0]
	r.know(r.socket, "<socket>")
	r.know(graph, "<graph>")
	s.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q }
mapping: mapping.yaml
rate: { requests_per_second: 50, burst: 50 }
retry: { min_interval: 1h, max_interval: 24h, probe_interval: 24h, breaker_after: 3 }
watch: { mode: off }
%s`, s.admin, strings.ReplaceAll(more, "%s", graph)))
	s.write(t, "mapping.yaml", mapping)
	return s
}

// open starts relay.
func (s *shop) open(t *testing.T, r *record) {
	t.Helper()
	s.p = s.start(t)
	r.know(strings.TrimPrefix(s.p.url, "http://"), "<intake>")
}

// sells posts one event and wants it stored.
func (s *shop) sells(t *testing.T, events ...string) {
	t.Helper()
	for _, e := range events {
		if status, answer := post(t, s.p.url+"/v1/track", e); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
}

// until waits for a condition of the status.
func (s *shop) until(t *testing.T, what string, ok func(api.Status) bool) {
	t.Helper()
	eventually(t, what, func() bool { return ok(s.p.status(t)) })
}

// quiet waits until no event set does anything, such as a probe after a reload.
func (s *shop) quiet(t *testing.T) {
	t.Helper()
	n := 0
	s.until(t, "no event set does anything", func(st api.Status) bool {
		n++
		for _, l := range st.Lanes {
			if l.State == "sending" || l.State == "idle" && l.Pending > 0 {
				n = 0
			}
		}
		return n >= 5
	})
}

// laneOf finds an event set in a status.
func laneOf(st api.Status, id string) api.LaneInfo {
	for _, l := range st.Lanes {
		if l.Lane == id {
			return l
		}
	}
	return api.LaneInfo{}
}

// when is the time that a lane says it goes on.
var when = pattern(`\b(Tries again|Sends again|is tried) (?:now|soon|in \d+ (?:second|minute|hour|day)s?)`, "${1} <when>")

// looks records what the commands say that change nothing.
func (r *record) looks(t *testing.T, s *shop, ids ...string) {
	t.Helper()
	conf := s.path("relay.yaml")
	table := []rule{ages, sizes, columns, when}
	for _, args := range [][]string{
		{"status"},
		{"status", "--json"},
		{"queue", "stats"},
		{"queue", "stats", "--json"},
		{"queue", "list"},
		{"queue", "list", "--json"},
		{"queue", "export"},
		{"dead", "list"},
		{"dead", "list", "--json"},
		{"dead", "export"},
		{"lane", "list"},
		{"lane", "list", "--json"},
	} {
		r.relay(t, ask{config: conf, rules: table}, args...)
	}
	for _, id := range ids {
		if strings.Contains(id, "-") {
			r.relay(t, ask{config: conf}, "queue", "show", id)
			continue
		}
		r.relay(t, ask{config: conf}, "dead", "show", id)
	}
}

// apiLooks are the calls that change nothing.
var apiLooks = []struct{ file, path string }{
	{"health", "/livez"},
	{"health", "/livez?verbose"},
	{"health", "/readyz"},
	{"health", "/readyz?verbose"},
	{"health", "/healthz"},
	{"health", "/healthz?verbose"},
	{"ping", "/api/v1/ping"},
	{"status", "/api/v1/status"},
	{"lanes", "/api/v1/lanes"},
	{"dead", "/api/v1/dead"},
	{"dead", "/api/v1/dead/summary"},
	{"dead", "/api/v1/dead/export"},
	{"queue", "/api/v1/queue"},
	{"queue", "/api/v1/queue/events"},
	{"queue", "/api/v1/queue/export"},
	{"mapping", "/api/v1/mapping"},
	{"receipts", "/api/v1/receipts?id=o-1"},
}

// gets records apiLooks.
func (r *record) gets(t *testing.T, s *shop) {
	t.Helper()
	for _, l := range apiLooks {
		r.http(t, call{file: "api/" + l.file, base: "http://" + s.admin, path: l.path, rules: []rule{when}})
	}
	for _, l := range []string{"/livez", "/readyz"} {
		r.http(t, call{file: "api/health", base: "http://" + s.admin, path: l, header: "Accept: application/json"})
	}
}

// posts records a call that changes something.
func (r *record) posts(t *testing.T, s *shop, file, path, body string) {
	t.Helper()
	r.http(t, call{file: "api/" + file, base: "http://" + s.admin, method: http.MethodPost, path: path, header: "Content-Type: application/json", body: body})
}

// occupy listens on an address until the test ends.
func occupy(t *testing.T, addr string) {
	t.Helper()
	s := &http.Server{Addr: addr, Handler: http.NotFoundHandler()} //nolint:gosec // a test's own
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
}
