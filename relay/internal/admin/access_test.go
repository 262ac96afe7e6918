package admin

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/api"
)

type call struct{ method, path, body string }

var (
	callHealth  = call{"GET", "/readyz", ""}
	callMetrics = call{"GET", "/metrics", ""}
	callPage    = call{"GET", "/", ""}
	callPing    = call{"GET", "/api/v1/ping", ""}
	callPause   = call{"POST", "/api/v1/lanes/" + setB + "/pause", "{}"}
)

// numbers are what anybody on this machine may see; contents show events,
// letters, files, people; changes change something.
var (
	numbers  = []call{{"GET", "/api/v1/status", ""}, {"GET", "/api/v1/history", ""}, {"GET", "/api/v1/lanes", ""}, {"GET", "/api/v1/queue", ""}}
	contents = []call{
		{"GET", "/api/v1/dead", ""},
		{"GET", "/api/v1/dead/summary", ""},
		{"GET", "/api/v1/dead/d1", ""},
		{"GET", "/api/v1/dead/d1?body=full", ""},
		{"GET", "/api/v1/dead/export", ""},
		{"GET", "/api/v1/queue/events", ""},
		{"GET", "/api/v1/queue/events/1-1", ""},
		{"GET", "/api/v1/queue/export", ""},
		{"GET", "/api/v1/receipts?id=o-77", ""},
		{"GET", "/api/v1/mapping", ""},
		{"GET", "/api/v1/imports/k", ""},
		{"GET", "/api/v1/tail", ""},
		{"GET", "/api/v1/support?wait=0", ""},
	}
	changes = []call{
		callPause,
		{"POST", "/api/v1/lanes/" + setB + "/resume", "{}"},
		{"POST", "/api/v1/lanes/" + setB + "/drop", `{"confirm":"` + setB + `"}`},
		{"POST", "/api/v1/lanes/" + setB + "/move", `{"to":"` + setA + `"}`},
		{"POST", "/api/v1/dead/retry", `{"all":true}`},
		{"POST", "/api/v1/dead/drop", `{"all":true}`},
		{"POST", "/api/v1/reload", ""},
		{"POST", "/api/v1/forget", `{"ids":["cust-0042"]}`},
		{"POST", "/api/v1/backup", ""},
		{"POST", "/api/v1/imports/k", `{"events":[]}`},
		{"POST", "/api/v1/imports/k/state", `{}`},
		{"POST", "/api/v1/page", ""},
		{"POST", "/api/v1/session/end", ""},
	}
)

// Without a token configured, nothing that shows contents or changes something is
// there over TCP, whatever a request carries; with one it needs it.
func TestAccessWithoutToken(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   int
		code   string
		auths  []string
	}{
		{"no token configured", withoutToken, http.StatusNotFound, "not_here", []string{"", "Bearer ", "Bearer " + testToken, "Basic Og=="}},
		{"token configured", nil, http.StatusUnauthorized, "token_needed", []string{"", "Bearer ", "Bearer wrong", "Bearer", "Basic " + testToken, "Bearer " + testToken + "x"}},
	} {
		f := newFixture(t, tc.change)
		for _, auth := range tc.auths {
			for _, c := range append([]call{callHealth, callMetrics, callPage, callPing}, numbers...) {
				if status, body, _ := f.ask(c.method, c.path, c.body, "Authorization", auth); status != http.StatusOK {
					t.Errorf("%s, %q: %s: %d %s", tc.name, auth, c.path, status, body)
				}
			}
			for _, c := range append(append([]call(nil), contents...), changes...) {
				status, body, h := f.ask(c.method, c.path, c.body, "Authorization", auth)
				if status != tc.want || !strings.Contains(body, tc.code) || !strings.Contains(body, "relay page") {
					t.Errorf("%s, %q: %s %s: %d %s", tc.name, auth, c.method, c.path, status, body)
				}
				if h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("%s: headers %v", c.path, h)
				}
				if (status == http.StatusUnauthorized) != (h.Get("WWW-Authenticate") != "") {
					t.Errorf("%s: %d with WWW-Authenticate %q", c.path, status, h.Get("WWW-Authenticate"))
				}
			}
		}
		if len(f.queue.dead) != 4 || len(f.queue.dropped) != 0 || len(f.queue.moved) != 0 || f.audit.String() != "" {
			t.Errorf("%s: something has changed", tc.name)
		}
	}
}

func TestAccessWithToken(t *testing.T) {
	f := newFixture(t, nil)
	for _, auth := range []string{"Bearer " + testToken, "bearer " + testToken, "Bearer  " + testToken} {
		for _, c := range contents {
			if c.path == "/api/v1/tail" || strings.HasPrefix(c.path, "/api/v1/receipts") || strings.HasPrefix(c.path, "/api/v1/imports") {
				continue
			}
			if status, body, _ := f.ask(c.method, c.path, c.body, "Authorization", auth); status != http.StatusOK {
				t.Errorf("%q: %s: %d %s", auth, c.path, status, body)
			}
		}
		if status, body, _ := f.ask(callPause.method, callPause.path, callPause.body, "Authorization", auth); status != http.StatusOK {
			t.Errorf("%q: %d %s", auth, status, body)
		}
	}
	for _, c := range changes {
		for _, header := range []string{"", "0", "true"} {
			status, body, _ := f.ask(c.method, c.path, c.body, "X-Relay", header)
			if status != http.StatusForbidden || !strings.Contains(body, "header_needed") {
				t.Errorf("%s with X-Relay %q: %d %s", c.path, header, status, body)
			}
		}
	}
}

// No web page from elsewhere gets an answer, not even to a link.
func TestCrossSite(t *testing.T) {
	f := newFixture(t, nil)
	host := strings.TrimPrefix(f.url, "http://")
	_, port, _ := net.SplitHostPort(host)
	for _, tc := range []struct {
		what, method, path string
		header             []string
		want               int
	}{
		{"curl", "POST", "/api/v1/dead/retry", nil, 200},
		{"own page", "POST", "/api/v1/dead/retry", []string{"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"}, 200},
		{"own page by name", "POST", "/api/v1/dead/retry", []string{"Host", "localhost:" + port, "Origin", "http://localhost:" + port}, 200},
		{"address typed", "GET", "/", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"foreign origin", "POST", "/api/v1/dead/retry", []string{"Origin", "https://evil.example"}, 403},
		{"other port", "POST", "/api/v1/dead/retry", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"null origin", "POST", "/api/v1/dead/retry", []string{"Origin", "null"}, 403},
		{"no-cors fetch", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"sibling site", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"script include", "GET", "/assets/page.js", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		{"metrics by fetch", "GET", "/metrics", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"health by fetch", "GET", "/readyz", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"link to the page", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"link to the data", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"rebinding", "GET", "/api/v1/status", []string{"Host", "evil.example:" + port, "Sec-Fetch-Site", "same-origin"}, 403},
		{"rebinding, metrics", "GET", "/metrics", []string{"Host", "evil.example"}, 403},
		{"rebinding, page", "GET", "/", []string{"Host", "evil.example"}, 403},
		{"probe with a host", "GET", "/readyz", []string{"Host", "pod-7.example"}, 200},
		{"form post", "POST", "/api/v1/dead/retry", []string{"Content-Type", "text/plain", "X-Relay", ""}, 403},
		{"rebinding, another method", "DELETE", "/api/v1/status", []string{"Host", "evil.example"}, 403},
		{"preflight", "OPTIONS", "/api/v1/dead/retry", []string{"Origin", "https://evil.example"}, 403},
	} {
		body := ""
		if tc.method == http.MethodPost {
			body = `{"all":true,"dry_run":true}`
		}
		got, text, h := f.ask(tc.method, tc.path, body, tc.header...)
		if got != tc.want {
			t.Errorf("%s: %d, want %d: %s", tc.what, got, tc.want, text)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: answers with CORS", tc.what)
		}
	}
}

// A browser is signed in by a code that is good once; its session may do everything
// until it is signed out (package access: for how long either is good).
func TestSignIn(t *testing.T) {
	f := newFixture(t, withoutToken)
	link := func() string {
		t.Helper()
		l, err := f.client().PageLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		base, code, ok := strings.Cut(l.URL, "/#sign-in=")
		if !ok || base != f.url || len(code) < 22 {
			t.Fatalf("link %s", l.URL)
		}
		return code
	}
	redeem := func(code string, header ...string) (int, string) {
		t.Helper()
		status, body, _ := f.ask("POST", "/api/v1/session", `{"code":"`+code+`"}`, append([]string{"Authorization", ""}, header...)...)
		var s api.Session
		_ = json.Unmarshal([]byte(body), &s)
		return status, s.Session
	}
	if status, _ := redeem(link(), "X-Relay", ""); status != http.StatusForbidden {
		t.Errorf("without X-Relay: %d", status)
	}
	code := link()
	status, session := redeem(code)
	if status != http.StatusOK || len(session) < 22 || session == code {
		t.Fatalf("%d %q", status, session)
	}
	if status, _ := redeem(code); status != http.StatusUnauthorized {
		t.Errorf("a code twice: %d", status)
	}
	if status, _ := redeem("guess"); status != http.StatusUnauthorized {
		t.Errorf("a guess: %d", status)
	}
	may := func() int {
		t.Helper()
		status, _, h := f.ask("GET", "/api/v1/dead/d1?body=full", "", "Authorization", "Bearer "+session)
		if h.Get("Set-Cookie") != "" {
			t.Error("a cookie")
		}
		return status
	}
	if got := may(); got != http.StatusOK {
		t.Errorf("signed in: %d", got)
	}
	if status, body, _ := f.ask(callPause.method, callPause.path, callPause.body, "Authorization", "Bearer "+session); status != http.StatusOK {
		t.Errorf("signed in: %d %s", status, body)
	}
	if status, body, _ := f.ask("GET", "/api/v1/ping", "", "Authorization", "Bearer "+session); status != 200 || !strings.Contains(body, `"signed_in":true,"token_configured":false`) {
		t.Errorf("ping: %d %s", status, body)
	}
	if status, _, _ := f.ask("POST", "/api/v1/session/end", "", "Authorization", "Bearer "+session); status != http.StatusOK || may() != http.StatusNotFound {
		t.Error("signed out")
	}
}

// Who is not signed in learns that a file was refused and where, and nothing of
// what is in it; its text is served to nobody.
func TestRefusedTextIsNotServed(t *testing.T) {
	const secret = "EAAGverysecrettoken1234567890"
	f := newFixture(t, func(o *Options) {
		o.Access.Token = ""
		o.Files = func() api.Files {
			bad := api.FileState{
				Refused:  &api.Refused{At: noon, Message: "unknown key " + secret, Problems: []api.Problem{{Line: 3, Column: 1, Message: secret, Hint: secret}}},
				Warnings: []api.Problem{{Line: 4, Message: secret}},
			}
			return api.Files{Config: bad, Mapping: bad}
		}
	})
	_, body, _ := f.ask("GET", "/api/v1/status", "", "Authorization", "")
	if strings.Contains(body, secret) || !strings.Contains(body, `"line":3`) || !strings.Contains(body, "sign in") {
		t.Errorf("status: %s", body)
	}
	m, err := f.client().Mapping(t.Context())
	if err != nil || m.Refused == nil || m.Refused.Problems[0].Message != secret {
		t.Errorf("over the socket: %+v %v", m, err)
	}
}

// health.listen serves health and metrics and nothing else.
func TestHealthListener(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Access.Health = "0.0.0.0:0" })
	_, port, _ := net.SplitHostPort(f.HealthAddr())
	get := func(path string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.Close = "pod-7.example", true
		req.Header.Set("Authorization", "Bearer "+testToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for _, path := range []string{"/livez", "/readyz", "/healthz", "/metrics"} {
		if got := get(path); got != http.StatusOK {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, path := range []string{"/", "/assets/page.js", "/api/v1/ping", "/api/v1/status", "/api/v1/dead", "/api/v1/live", "/api/v1/backup", "/api/v1/reload", "/debug/pprof/", "/x"} {
		if got := get(path); got != http.StatusNotFound {
			t.Errorf("%s: %d", path, got)
		}
	}
}

// Every call that shows contents or changes something leaves a line, with how
// many and by whom, and no contents; the polled status leaves none.
func TestAuditLog(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range append([]call{callHealth, callMetrics, callPage, callPing}, numbers...) {
		f.ask(c.method, c.path, c.body)
	}
	if got := f.audit.String(); got != "" {
		t.Errorf("numbers: %s", got)
	}
	for range 100 { // a stranger may ask as often as he likes: he is counted
		f.ask("POST", "/api/v1/session", `{"code":"guess"}`, "Authorization", "")
	}
	if got := f.audit.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"who":"nobody","call":"POST /api/v1/session","count":1,"status":401}`) {
		t.Errorf("of a stranger: %s", got)
	}
	f.ask("GET", "/api/v1/dead?search=pat@example.com", "")
	f.ask("GET", "/api/v1/dead/export?reason=unrouted", "")
	f.ask("GET", "/api/v1/queue/events/1-1?body=full", "")
	f.ask("POST", "/api/v1/lanes/"+setB+"/pause", "")
	f.ask("POST", "/api/v1/lanes/pat@example.com/pause", "")
	f.ask("POST", "/api/v1/dead/drop", `{"ids":["d1","d2"],"dry_run":true}`)
	f.ask("POST", "/api/v1/forget", `{"emails":["pat@example.com"]}`)
	f.ask("POST", "/api/v1/dead/drop", `{"reason":"unrouted"}`)
	c := f.client()
	if _, err := c.DropDead(t.Context(), api.DeadAction{All: true}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(f.audit.String()) {
		var l struct{ Time time.Time }
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() {
			t.Fatalf("%v: %s", err, line)
		}
		_, rest, _ := strings.Cut(strings.TrimSpace(line), `Z",`)
		got = append(got, rest)
	}
	want := []string{
		`"who":"nobody","call":"POST /api/v1/session","count":1,"status":401}`,
		`"who":"token","call":"GET /api/v1/dead","count":0,"status":200}`,
		`"who":"token","call":"GET /api/v1/dead/export","count":1,"status":200}`,
		`"who":"token","call":"GET /api/v1/queue/events/{id}","count":0,"status":200}`,
		`"who":"token","call":"POST /api/v1/lanes/{lane}/pause","event_set":"` + setB + `","count":0,"status":200}`,
		`"who":"token","call":"POST /api/v1/lanes/{lane}/pause","count":0,"status":404}`,
		`"who":"token","call":"POST /api/v1/dead/drop","dry_run":true,"count":2,"status":200}`,
	}
	if len(got) != 10 {
		t.Fatalf("%d lines:\n%s", len(got), f.audit.String())
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("line %d: %s, want %s", i, got[i], w)
		}
	}
	if !strings.Contains(got[8], `"call":"POST /api/v1/dead/drop","count":1,`) || !strings.Contains(got[9], `"who":"uid `) {
		t.Errorf("%s\n%s", got[8], got[9])
	}
	if strings.Contains(f.audit.String(), "pat@") || strings.Contains(f.audit.String(), "d1") {
		t.Errorf("contents in the audit log:\n%s", f.audit)
	}
}
