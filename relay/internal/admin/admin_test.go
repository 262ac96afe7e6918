package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relay/internal/socket"
	"relay/queue"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
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
	dial  func(context.Context) (net.Conn, error) // to the control socket
	audit *lockedBuffer
}

// lockedBuffer is an audit log in memory.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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
	control, dial := socket.Pipe()
	audit := new(lockedBuffer)
	o := Options{
		Access: access.Options{Listen: "127.0.0.1:0", Token: testToken, Control: control, Audit: audit}, Queue: q,
		Delivery: Delivery{
			Drain: d, Mapping: func() Mapping { return memMapping{} },
			Foresight: func() batch.Foresight { return batch.Foresight{Mapping: memMapping{}} },
		},
		Now: func() time.Time { return noon }, Interval: 20 * time.Millisecond,
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
	return &fixture{Server: s, t: t, queue: q, drain: d, url: "http://" + s.Addr(), dial: dial, audit: audit}
}

// client is what the commands are: over the control socket.
func (f *fixture) client() *api.Client {
	f.t.Helper()
	c := api.NewClient("the test", f.dial)
	f.t.Cleanup(c.Close)
	return c
}

// ask sends one request over TCP and returns status and body. It carries the token
// and, when it is a POST, X-Relay, unless header says otherwise.
func (f *fixture) ask(method, path, body string, header ...string) (int, string, http.Header) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	if method == http.MethodPost {
		req.Header.Set("X-Relay", "1")
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
		return new(net.Dialer).DialContext(ctx, "tcp", f.Addr())
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

// withoutToken is a relay as it comes: no token is configured.
func withoutToken(o *Options) { o.Access.Token = "" }

func TestListenAddresses(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:0":   "admin.token must be set",
		"192.0.2.1:0": "admin.token must be set",
		":0":          "admin.token must be set",
		"[::]:0":      "admin.token must be set",
		"127.0.0.1":   "expected host:port",
		"unix:":       "needs a path",
		"localhost:0": "",
		"[::1]:0":     "",
	} {
		s, err := New(Options{Access: access.Options{Listen: listen}, Queue: &memQueue{}})
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
	if status, body, _ := f.ask("GET", "/readyz", ""); status != 503 || !strings.Contains(body, "[-]queue failed: the disk accepts no writes\n") {
		t.Errorf("broken disk: %d %q", status, body)
	}
	if status, body, _ := f.ask("GET", "/readyz", "", "Accept", "application/json"); status != 503 ||
		!strings.Contains(body, `{"ok":false,"checks":[{"name":"queue","ok":false,"error":"the disk accepts no writes"}]}`) {
		t.Errorf("as JSON: %d %q", status, body)
	}
	if status, _, _ := f.ask("GET", "/livez", ""); status != 200 {
		t.Error("a broken disk must not have the process killed")
	}
	if err := f.client().Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk accepts no writes") {
		t.Errorf("client: %v", err)
	}
	if st := f.Status(); st.Ready || len(st.NotReady) != 1 {
		t.Errorf("status: %+v", st)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	f := newFixture(t, func(o *Options) { o.Access.Listen = "unix:" + path })
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", fi, err)
	}
	c := api.SocketClient(path, filepath.Dir(path))
	defer c.Close()
	p, err := c.Ping(t.Context())
	if err != nil || !p.Success || !p.SignedIn {
		t.Errorf("ping over the socket: %+v, %v", p, err)
	}
	if _, err := New(Options{Access: access.Options{Listen: "unix:" + path}, Queue: &memQueue{}}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second one on a live socket: %v", err)
	}
	f.Close()
	s, err := New(Options{Access: access.Options{Listen: "unix:" + path}, Queue: &memQueue{}})
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
	s, err := New(Options{Access: access.Options{Listen: "unix:" + stale}, Queue: &memQueue{}})
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	s.Close()
	file := filepath.Join(dir, "notes.txt")
	writeFile(t, file, "keep me")
	if _, err := New(Options{Access: access.Options{Listen: "unix:" + file}, Queue: &memQueue{}}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way: %v", err)
	}
}

// Close ends streams at once: a page that stays open must not hold up a stop.
func TestStopEndsStreams(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client()
	first := make(chan struct{})
	ended := make(chan error, 2)
	go func() {
		n := 0
		ended <- c.Watch(context.Background(), func(api.Status) bool {
			if n++; n == 1 {
				close(first)
			}
			return true
		})
	}()
	go func() { ended <- c.Tail(context.Background(), func(api.Outcome) bool { return true }) }()
	<-first
	for !f.o.Metrics.Tail().Watched() {
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
	path := filepath.Join(t.TempDir(), "none.sock")
	c := api.SocketClient(path, filepath.Dir(path))
	if _, err := c.Status(t.Context()); !isUnreachable(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	// Somebody else's server at the socket is not relay, nor a reason to open
	// the queue behind a running one's back.
	other := &http.Server{Handler: http.NotFoundHandler()}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go other.Serve(ln)
	defer other.Close()
	defer c.Close()
	if _, err := c.Status(t.Context()); isUnreachable(err) || !strings.Contains(fmt.Sprint(err), "is not relay") {
		t.Errorf("another server: %v", err)
	}
	var buf bytes.Buffer
	if err := c.Backup(t.Context(), &buf); err == nil {
		t.Error("another server's answer was taken for a backup")
	}
}
