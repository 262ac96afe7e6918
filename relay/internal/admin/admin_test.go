package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relay/queue"
	"relay/relay/internal/drain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "an-admin-token-for-tests"

// fixture is a server with something in it.
type fixture struct {
	*Server
	t     *testing.T
	queue *memQueue
	drain *memDrain
	url   string
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const saleBody = `{"type":"track","event":"Order Completed","messageId":"m-1","userId":"cust-0042","timestamp":"2026-06-01T11:00:00Z",` +
	`"context":{"ip":"192.0.2.7","library":{"name":"analytics-go","version":"3.1"},"traits":{"email":"pat@example.com","phone":"+1 (555) 010-0199"}},` +
	`"properties":{"order_id":"o-77","revenue":59.95,"currency":"USD","note":"call Pat Example","products":[{"product_id":"p-1","name":"Blue mug","price":9.5}]}}`

func newFixture(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	q := &memQueue{
		stats: queue.Stats{Segments: 2, DiskBytes: 1 << 20, MaxSize: 1 << 30, HighMark: 1 << 30, VolumeFree: 5 << 30, VolumeSize: 20 << 30, Appended: 7},
		records: []queue.Record{
			{Seq: 1<<32 | 1, ID: "m-q1", Lanes: []string{setA}, Received: noon.Add(-time.Hour), Body: []byte(saleBody)},
			{Seq: 1<<32 | 2, ID: "m-q2", Lanes: []string{setA, setB}, Received: noon.Add(-time.Minute), Body: []byte(`{"event":"Product Added"}`)},
			{Seq: 1<<32 | 3, ID: "m-q3", Lanes: []string{setC}, Received: noon, Body: []byte(`{"event":"Gone"}`)},
			{Seq: 1<<32 | 4, ID: "m-q4", Lanes: []string{queue.LaneUnmapped}, Received: noon, Body: []byte(`{"event":"Till Opened"}`)},
		},
		dead: []queue.DeadLetter{
			{
				ID: "d1", MessageID: "m-1", Event: "Order Completed", EventSet: setA, Reason: "missing_currency", Message: "a Purchase needs a currency",
				ReceivedAt: noon.Add(-48 * time.Hour), DeadAt: noon.Add(-47 * time.Hour), Body: []byte(saleBody),
			},
			{
				ID: "d2", MessageID: "m-2", Event: "Order Completed", EventSet: setA, Reason: "rejected", Message: "Invalid parameter", Code: 100,
				Subcode: 2804003, FBTraceID: "AbCdEf", Attempts: 2, ReceivedAt: noon.Add(-time.Hour), DeadAt: noon.Add(-time.Hour), Body: []byte(saleBody),
			},
			{
				ID: "d3", MessageID: "m-3", Event: "Gone", EventSet: setC, Reason: "unrouted", Message: "not mapped any more",
				ReceivedAt: noon.Add(-time.Minute), DeadAt: noon, Body: []byte(`{"event":"Gone"}`),
			},
			{ID: "d4", MessageID: "m-4", Event: "", EventSet: "", Reason: "invalid", Message: "not an object", ReceivedAt: noon, DeadAt: noon, Body: []byte(`{{`)},
		},
		counts: map[string]map[string]int64{setA: {"delivered": 40, "skip:no_consent": 2, "dead:rejected": 3}},
	}
	d := &memDrain{lanes: []drain.LaneStatus{
		{
			Lane: setA, State: drain.PausedToken, Since: noon.Add(-time.Hour), NextAttempt: noon.Add(7 * time.Minute), Failures: 3, Usage: 42,
			LastError: &drain.Problem{At: noon, Class: "token", Code: 190, Subcode: 463, Message: "Session has expired", Advice: "Make a new token."},
		},
		{Lane: setB, State: drain.Sending, LastSuccess: noon, InFlight: 1, DryRun: map[string]int64{"send": 5, "dead:expired": 2, "skip:no_customer": 1}},
	}}
	o := Options{
		Listen: "127.0.0.1:0", Queue: q, Drain: d, Mapping: func() Mapping { return memMapping{} },
		Foresight: func() drain.Foresight { return drain.Foresight{Mapping: memMapping{}} },
		Now:       func() time.Time { return noon }, Interval: 20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return &fixture{Server: s, t: t, queue: q, drain: d, url: "http://" + s.Addr()}
}

func (f *fixture) client(token string) *Client {
	f.t.Helper()
	c, err := NewClient(f.Addr(), token)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

// ask sends one request and returns status and body.
func (f *fixture) ask(method, path, body string, header ...string) (int, string, http.Header) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, f.listener.Addr().Network(), f.listener.Addr().String())
	}}
	res, err := tr.RoundTrip(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func withToken(o *Options) { o.Token = testToken }

func TestListenAddresses(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:0":   "admin.token must be set",
		":0":          "admin.token must be set",
		"[::]:0":      "admin.token must be set",
		"127.0.0.1":   "want host:port",
		"unix:":       "needs a path",
		"localhost:0": "",
		"[::1]:0":     "",
	} {
		s, err := New(Options{Listen: listen, Queue: &memQueue{}})
		if want == "" {
			if err != nil && !strings.Contains(err.Error(), "assign requested address") { // no IPv6 here
				t.Errorf("%s: %v", listen, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", listen, err, want)
		}
		if s != nil {
			s.Close()
			s.Close()
		}
	}
}

// What each kind of caller may do, with and without a token set.
func TestAccess(t *testing.T) {
	open := newFixture(t, nil)
	locked := newFixture(t, withToken)
	public := newFixture(t, func(o *Options) { o.Listen, o.Token = "0.0.0.0:0", testToken })
	public.url = "http://" + public.Addr()
	type call struct{ method, path, body string }
	var (
		health  = call{"GET", "/readyz", ""}
		metrics = call{"GET", "/metrics", ""}
		page    = call{"GET", "/", ""}
		read    = call{"GET", "/api/v1/status", ""}
		masked  = call{"GET", "/api/v1/dead/d1", ""}
		whole   = call{"GET", "/api/v1/dead/d1?body=full", ""}
		export  = call{"GET", "/api/v1/dead/export", ""}
		qexport = call{"GET", "/api/v1/queue/export", ""}
		pause   = call{"POST", "/api/v1/lanes/" + setB + "/pause", "{}"}
		retry   = call{"POST", "/api/v1/dead/retry", `{"all":true,"dry_run":true}`}
	)
	right := "Bearer " + testToken
	for _, tc := range []struct {
		name string
		f    *fixture
		auth string
		call call
		want int
	}{
		{"open", open, "", health, 200},
		{"open", open, "", read, 200},
		{"open", open, "", whole, 200},
		{"open", open, "", pause, 200},
		{"locked", locked, "", health, 200},
		{"locked", locked, "", metrics, 200},
		{"locked", locked, "", page, 200},
		{"locked", locked, "", read, 200},
		{"locked", locked, "", masked, 200},
		{"locked", locked, "", whole, 401},
		{"locked", locked, "", export, 401},
		{"locked", locked, "", qexport, 401},
		{"locked", locked, "", pause, 401},
		{"locked", locked, "", retry, 401},
		{"locked", locked, "Bearer wrong", pause, 401},
		{"locked", locked, "Bearer", pause, 401},
		{"locked", locked, "Basic " + testToken, pause, 401},
		{"locked", locked, right + "x", pause, 401},
		{"locked", locked, right, whole, 200},
		{"locked", locked, right, export, 200},
		{"locked", locked, right, pause, 200},
		{"locked", locked, "bearer " + testToken, pause, 200},
		{"public", public, "", health, 200},
		{"public", public, "", metrics, 200},
		{"public", public, "", page, 200},
		{"public", public, "", read, 401},
		{"public", public, "", masked, 401},
		{"public", public, "", retry, 401},
		{"public", public, right, read, 200},
		{"public", public, right, retry, 200},
	} {
		header := []string{}
		if tc.auth != "" {
			header = []string{"Authorization", tc.auth}
		}
		got, body, h := tc.f.ask(tc.call.method, tc.call.path, tc.call.body, header...)
		if got != tc.want {
			t.Errorf("%s, auth %q: %s %s: %d, want %d: %s", tc.name, tc.auth, tc.call.method, tc.call.path, got, tc.want, body)
		}
		if got == 401 && h.Get("WWW-Authenticate") == "" && tc.call != whole {
			t.Errorf("%s %s: 401 without WWW-Authenticate", tc.call.method, tc.call.path)
		}
		if h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: headers %v", tc.call.method, tc.call.path, h)
		}
	}
}

// No web page from elsewhere gets an answer.
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
		{"foreign origin", "POST", "/api/v1/dead/retry", []string{"Origin", "https://evil.example"}, 403},
		{"other port", "POST", "/api/v1/dead/retry", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"null origin", "POST", "/api/v1/dead/retry", []string{"Origin", "null"}, 403},
		{"no-cors fetch", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"sibling site", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"script include", "GET", "/assets/page.js", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		{"metrics by fetch", "GET", "/metrics", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"link to the page", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"frame of the page", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"link to the data", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"rebinding", "GET", "/api/v1/status", []string{"Host", "evil.example:" + port, "Sec-Fetch-Site", "same-origin"}, 403},
		{"rebinding, metrics", "GET", "/metrics", []string{"Host", "evil.example"}, 403},
		{"rebinding, page", "GET", "/", []string{"Host", "evil.example"}, 403},
		{"probe with a host", "GET", "/readyz", []string{"Host", "pod-7.example"}, 200},
		{"curl without a body", "POST", "/api/v1/reload", []string{"Content-Type", ""}, 400}, // taken: this one has nothing to reload
		{"empty form post", "POST", "/api/v1/reload", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"page without a body", "POST", "/api/v1/reload", []string{"Content-Type", "", "Origin", "https://evil.example"}, 403},
		{"form post", "POST", "/api/v1/dead/retry", []string{"Content-Type", "text/plain"}, 415},
		{"preflight", "OPTIONS", "/api/v1/dead/retry", []string{"Origin", "https://evil.example"}, 405},
	} {
		body := ""
		if tc.method == http.MethodPost && tc.path != "/api/v1/reload" {
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

func TestErrorsHaveOneForm(t *testing.T) {
	f := newFixture(t, nil)
	for _, tc := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/api/v1/nothing", "", 404, "unknown_path"},
		{"GET", "/nothing", "", 404, "unknown_path"},
		{"DELETE", "/api/v1/status", "", 405, "method_not_allowed"},
		{"GET", "/api/v1/reload", "", 405, "method_not_allowed"},
		{"POST", "/api/v1/status", "{}", 405, "method_not_allowed"},
		{"GET", "/api/v1/dead?limit=x", "", 400, "bad_request"},
		{"GET", "/api/v1/dead?since=yesterday", "", 400, "bad_request"},
		{"GET", "/api/v1/dead/nope", "", 404, "not_found"},
		{"GET", "/api/v1/queue/events/x", "", 400, "bad_request"},
		{"GET", "/api/v1/queue/events/9-9", "", 404, "not_found"},
		{"GET", "/api/v1/history?range=1y", "", 400, "bad_request"},
		{"POST", "/api/v1/dead/retry", "{}", 400, "bad_request"},
		{"POST", "/api/v1/dead/drop", "", 400, "bad_request"},
		{"POST", "/api/v1/dead/drop", `{"resaon":"x"}`, 400, "bad_request"},
		{"POST", "/api/v1/dead/drop", `{"all":true}{"all":true}`, 400, "bad_request"},
		{"POST", "/api/v1/forget", "{}", 400, "bad_request"},
		{"POST", "/api/v1/reload", "", 400, "bad_request"},
		{"POST", "/api/v1/lanes/123/pause", "", 404, "not_found"},
		{"POST", "/api/v1/lanes/unmapped/drop", "", 400, "bad_request"},
		{"POST", "/api/v1/lanes/" + setA + "/drop", `{"confirm":"yes"}`, 400, "bad_request"},
		{"POST", "/api/v1/lanes/" + setA + "/move", `{"to":"` + setC + `"}`, 400, "bad_request"},
		{"POST", "/api/v1/lanes/" + setA + "/move", `{"to":"` + setA + `"}`, 400, "bad_request"},
	} {
		status, body, h := f.ask(tc.method, tc.path, tc.body)
		var e struct {
			Success              *bool
			Code, Message, Error string
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Errorf("%s %s: %v: %s", tc.method, tc.path, err, body)
			continue
		}
		if status != tc.status || e.Code != tc.code || e.Success == nil || *e.Success || e.Message == "" || e.Message != e.Error {
			t.Errorf("%s %s: %d %s, want %d %s", tc.method, tc.path, status, body, tc.status, tc.code)
		}
		if h.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: Content-Type %q", tc.method, tc.path, h.Get("Content-Type"))
		}
	}
	if len(f.queue.dead) != 4 || len(f.queue.dropped) != 0 || len(f.queue.moved) != 0 {
		t.Error("a refused request changed something")
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		if status, body, _ := f.ask("GET", path, ""); status != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if _, body, _ := f.ask("GET", "/readyz?verbose", ""); body != "[+]queue ok\nreadyz check passed\n" {
		t.Errorf("verbose: %q", body)
	}
	f.queue.mu.Lock()
	f.queue.broken = queue.ErrUnavailable
	f.queue.mu.Unlock()
	if status, body, _ := f.ask("GET", "/readyz", ""); status != 503 || !strings.Contains(body, "[-]queue failed: the disk takes no writes\n") {
		t.Errorf("broken disk: %d %q", status, body)
	}
	if status, body, _ := f.ask("GET", "/readyz", "", "Accept", "application/json"); status != 503 ||
		!strings.Contains(body, `{"ok":false,"checks":[{"name":"queue","ok":false,"error":"the disk takes no writes"}]}`) {
		t.Errorf("as JSON: %d %q", status, body)
	}
	if status, _, _ := f.ask("GET", "/livez", ""); status != 200 {
		t.Error("a broken disk must not have the process killed")
	}
	if err := f.client("").Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk takes no writes") {
		t.Errorf("client: %v", err)
	}
	if st := f.Status(); st.Ready || len(st.NotReady) != 1 {
		t.Errorf("status: %+v", st)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	f := newFixture(t, func(o *Options) { o.Listen = "unix:" + path })
	if f.Addr() != "unix:"+path {
		t.Errorf("address %q", f.Addr())
	}
	p, err := f.client("").Ping(t.Context())
	if err != nil || !p.Success || p.Token {
		t.Errorf("ping over the socket: %+v, %v", p, err)
	}
	if _, err := New(Options{Listen: "unix:" + path, Queue: &memQueue{}}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second one on a live socket: %v", err)
	}
	f.Close()
	s, err := New(Options{Listen: "unix:" + path, Queue: &memQueue{}})
	if err != nil {
		t.Fatalf("after the first stopped: %v", err)
	}
	s.Close()
}

// A socket file left by a killed process does not stand in the way; a file that
// is none is not touched.
func TestStaleSocket(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	ln, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	s, err := New(Options{Listen: "unix:" + stale, Queue: &memQueue{}})
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	s.Close()
	file := filepath.Join(dir, "notes.txt")
	writeFile(t, file, "keep me")
	if _, err := New(Options{Listen: "unix:" + file, Queue: &memQueue{}}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way: %v", err)
	}
}

// Close ends streams at once: a page that stays open must not hold up a stop.
func TestStopEndsStreams(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client("")
	first := make(chan struct{})
	ended := make(chan error, 2)
	go func() {
		n := 0
		ended <- c.Watch(context.Background(), func(Status) bool {
			if n++; n == 1 {
				close(first)
			}
			return true
		})
	}()
	go func() { ended <- c.Tail(context.Background(), func(Outcome) bool { return true }) }()
	<-first
	for !f.o.Metrics.tail.Watched() {
		time.Sleep(time.Millisecond)
	}
	f.Close()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("stream: %v", err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	for _, listen := range []string{addr, "unix:" + filepath.Join(t.TempDir(), "none.sock")} {
		c, err := NewClient(listen, testToken)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Status(t.Context())
		if !isUnreachable(err) {
			t.Errorf("%s: %v", listen, err)
		}
		if strings.Contains(fmt.Sprint(err), testToken) {
			t.Errorf("the error shows the token: %v", err)
		}
	}
	// Somebody else's server at the address is not relay, nor a reason to open
	// the queue behind a running one's back.
	other := &http.Server{Handler: http.NotFoundHandler()}
	ln, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go other.Serve(ln)
	defer other.Close()
	c, _ := NewClient(ln.Addr().String(), "")
	defer c.Close()
	if _, err := c.Status(t.Context()); isUnreachable(err) || !strings.Contains(fmt.Sprint(err), "not as relay does") {
		t.Errorf("another server: %v", err)
	}
	var buf bytes.Buffer
	if err := c.Backup(t.Context(), &buf); err == nil {
		t.Error("another server's answer was taken for a backup")
	}
}
