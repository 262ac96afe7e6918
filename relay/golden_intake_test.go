package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"relay/relay/internal/api"
	"relay/relay/internal/sandbox"
)

// goldenToken records a refused access token, an admin token, and write keys.
func goldenToken(t *testing.T, r *record) {
	const token = "k3J9x0Qv2LmZt7wB-of-a-test"
	_, addr := startSandbox(t, sandbox.Options{Tokens: map[string]sandbox.TokenState{"good-token": sandbox.TokenOK, "old-token": sandbox.TokenExpired}})
	s := r.openShop(t, addr, testMapping, `queue: { path: data, max_size: 64MiB }
batch: { max_wait: 10ms }
graph: { endpoint: "http://%s", access_token: old-token }
auth: { write_keys: [till-key] }
intake: { allowed_origins: ["https://till.example.com"], requests_per_second: 0.01, burst: 12 }
`)
	s.write(t, "relay.yaml", strings.Replace(read(t, s.path("relay.yaml")), "admin: { ", "admin: { pprof: true, token: "+token+", ", 1))
	r.know(token, "<admin token>")
	s.open(t, r)
	in := func(header, path, body string) {
		t.Helper()
		r.http(t, call{file: "intake/keys", base: s.p.url, method: http.MethodPost, path: path, header: header, body: body})
	}
	r.state = "write keys are set"
	in("Authorization: Basic dGlsbC1rZXk6", "/v1/track", order("o-1"))
	in("Authorization: Basic dGlsbC1rZXk=", "/v1/track", order("o-1"))
	in("Authorization: Bearer till-key", "/v1/track", order("o-1"))
	in("", "/v1/track", `{"writeKey":"till-key","event":"Order Completed","messageId":"o-1"}`)
	in("", "/v1/track", order("o-2"))
	in("Authorization: Basic b3RoZXI6", "/v1/track", order("o-2"))
	in("", "/v1/batch", "no JSON")
	in("Authorization: Bearer till-key\nOrigin: https://till.example.com", "/v1/page", "{}")
	in("Authorization: Bearer till-key\nOrigin: https://evil.example.com", "/v1/page", "{}")
	r.http(t, call{file: "intake/keys", base: s.p.url, method: http.MethodOptions, path: "/v1/track", header: "Origin: https://till.example.com\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: authorization, content-type"})
	r.http(t, call{file: "intake/keys", base: s.p.url, method: http.MethodOptions, path: "/v1/track", header: "Origin: https://evil.example.com\nAccess-Control-Request-Method: POST"})
	r.state = "over intake.requests_per_second"
	for status := 0; status != http.StatusTooManyRequests; {
		status, _ = post(t, s.p.url+"/v1/page", "{}")
	}
	in("Authorization: Bearer till-key", "/v1/track", order("o-3"))

	s.until(t, "the token is refused", func(st api.Status) bool {
		return laneOf(st, "701000000000001").State == "paused_token" && laneOf(st, "701000000000001").LastError != nil
	})
	s.quiet(t)
	r.state = "the access token is refused"
	conf := s.path("relay.yaml")
	r.relay(t, ask{config: conf, rules: []rule{ages, columns}}, "status")
	r.relay(t, ask{config: conf}, "status", "--json")
	r.relay(t, ask{config: conf, rules: []rule{sizes, columns}}, "lane", "list")
	r.http(t, call{file: "api/lanes", base: s.p.admin, path: "/api/v1/lanes"})
	r.http(t, call{file: "api/stores", base: s.p.admin, path: "/api/v1/stores"})
	r.doctor(t, s) // before a probe is under way
	r.relay(t, ask{config: conf}, "lane", "resume", "701000000000001")

	r.state = "an admin token is set"
	for _, c := range []call{
		{path: "/api/v1/ping"},
		{path: "/livez"},
		{path: "/api/v1/dead/export"},
		{path: "/api/v1/queue/export", header: "Authorization: Bearer wrong"},
		{method: http.MethodPost, path: "/api/v1/reload"},
		{method: http.MethodPost, path: "/api/v1/reload", header: "Authorization: Bearer " + token},
		{method: http.MethodPost, path: "/api/v1/reload", header: "X-Relay: 1\nAuthorization: Bearer " + token},
		{method: http.MethodPost, path: "/api/v1/session", header: "X-Relay: 1", body: `{"code":"guessed"}`},
		{method: http.MethodPost, path: "/api/v1/session/end", header: "X-Relay: 1\nAuthorization: Bearer " + token},
		{path: "/api/v1/ping", header: "Authorization: Bearer " + token},
		{path: "/api/v1/queue/events/1-0?body=full"},
		{path: "/api/v1/dead/0000000100000000?body=full"},
		{path: "/debug/pprof/"},
		{path: "/debug/pprof/cmdline"},
	} {
		c.file, c.base, c.tcp = "api/token", s.p.admin, true
		r.http(t, c)
	}
	s.quiet(t)
}

// goldenFull records a queue that takes no more.
func goldenFull(t *testing.T, r *record) {
	s := r.openShop(t, "127.0.0.1:1", testMapping, "queue: { path: data, max_size: 1MiB, segment_size: 256KiB }\ngraph: { endpoint: \"http://%s\" }\n")
	r.rules = []rule{
		field("pending|appended|segments", "<count>"), pattern(`queue  \d+ waiting`, "queue  <count> waiting"), pattern(`"accepted": \d+`, `"accepted": <count>`),
		pattern(`  no_token  \d+  `, "  no_token  <count>  "),
	}
	s.open(t, r)
	noise := make([]byte, 64<<10) // what cannot be compressed
	for i := 0; ; i++ {
		_, _ = rand.Read(noise)
		body := fmt.Sprintf(`{"type":"track","messageId":"n-%d","event":"Order Completed","properties":{"noise":%q}}`, i, hex.EncodeToString(noise))
		if status, _ := post(t, s.p.url+"/v1/track", body); status != http.StatusOK {
			break
		}
		if i > 1000 {
			t.Fatal("the queue never fills")
		}
	}
	r.state = "the queue is full"
	r.http(t, call{
		file: "intake/answers", base: s.p.url, method: http.MethodPost, path: "/v1/batch", body: `{"batch":[{"event":"Order Completed","messageId":"f-1","properties":{"noise":"` + hex.EncodeToString(noise) + `"}}]}`,
		show: `{"batch":[{"event":"Order Completed","messageId":"f-1","properties":{"noise":"(131072 characters)"}}]}` + "\n",
	})
	conf := s.path("relay.yaml")
	r.relay(t, ask{config: conf, rules: []rule{ages, columns}}, "status")
	r.relay(t, ask{config: conf}, "status", "--json")
	r.relay(t, ask{config: conf}, "health")
	for _, path := range []string{"/livez", "/readyz", "/readyz?verbose"} {
		r.http(t, call{file: "api/health", base: s.p.admin, path: path})
	}
	r.http(t, call{file: "api/health", base: s.p.admin, path: "/readyz", header: "Accept: application/json"})
}

// goldenIntake records every answer of the intake.
func goldenIntake(t *testing.T, r *record) {
	s := r.openShop(t, "127.0.0.1:1", testMapping, "queue: { path: data, max_size: 64MiB }\ngraph: { endpoint: \"http://%s\" }\n")
	s.open(t, r)
	r.state = "no token is configured"
	for _, c := range []call{
		{path: "/api/v1/ping"},
		{path: "/api/v1/dead"},
		{path: "/api/v1/dead/export", header: "Authorization: Bearer guessed"},
		{path: "/api/v1/mapping"},
		{path: "/api/v1/tail"},
		{method: http.MethodPost, path: "/api/v1/reload", header: "X-Relay: 1"},
		{path: "/", header: "Sec-Fetch-Site: cross-site"},
	} {
		c.file, c.base, c.tcp = "api/token", s.p.admin, true
		r.http(t, c)
	}
	conf := s.path("relay.yaml")
	link := pattern(`sign-in=[A-Z0-9]+`, "sign-in=<code>")
	r.relay(t, ask{config: conf, rules: []rule{link}}, "page")
	r.relay(t, ask{config: conf, rules: []rule{link, pattern(`"expires_at":"[^"]*"`, `"expires_at":"<time>"`)}}, "page", "--json")
	r.http(t, call{file: "api/token", base: s.p.admin, method: http.MethodPost, path: "/api/v1/page", rules: []rule{link, pattern(`"expires_at":"[^"]*"`, `"expires_at":"<time>"`)}})

	r.state = "no write keys"
	big := func(n int) string { return strings.Repeat("x", n) }
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(order("o-z")))
	_ = z.Close()
	for _, c := range []call{
		{path: "/v1/track", body: order("o-1")},
		{path: "/v1/track", body: order("o-1")},
		{path: "/v1/t/", body: order("o-2")},
		{path: "/v1/track", body: `{"event":"Order Completed","properties":{}}`},
		{path: "/v1/batch", body: `{"batch":[` + order("o-3") + `,` + order("o-3") + `],"context":{"ip":"203.0.113.7"}}`},
		{path: "/v1/import", body: `{"batch":[]}`},
		{path: "/v1/b", body: `{"batch":[{"type":"identify","userId":"u1"}]}`},
		{path: "/v1/identify", body: `{"userId":"u1"}`},
		{path: "/v1/p", body: "{}"},
		{path: "/v1/screen", body: "{}"},
		{path: "/v1/g", body: "{}"},
		{path: "/v1/alias", body: "{}"},
		{path: "/v1/track", header: "Content-Encoding: gzip", body: zipped.String(), show: "(gzip of " + order("o-z") + ")\n"},
		{path: "/v1/track", header: "Content-Type: text/plain", body: order("o-4")},
		{path: "/v1/batch", body: `{"batch":[` + order("o-5") + `,{"type":"track","messageId":"b-1"},5,{"type":"track","event":7,"messageId":"b-3"},{"type":3,"event":"e","messageId":"b-5"}]}`},
		{path: "/v1/batch", body: `{"batch":[{"type":"track","event":"x","messageId":"b-6","pad":"` + big(256<<10) + `"}]}`, show: `{"batch":[{"type":"track","event":"x","messageId":"b-6","pad":"(262144 characters)"}]}` + "\n"},
		{path: "/v1/batch", body: "no JSON"},
		{path: "/v1/batch", body: `{"batch":{}}`},
		{path: "/v1/batch", body: order("o-6")},
		{path: "/v1/batch"},
		{path: "/v1/track", body: "5"},
		{path: "/v1/track", body: `{"messageId":"o-7"}`},
		{path: "/v1/track", body: `{"event":7}`},
		{path: "/v1/track", body: `{"event":NaN}`},
		{path: "/v1/track", body: `{"event":"x","pad":"` + big(256<<10) + `"}`, show: `{"event":"x","pad":"(262144 characters)"}` + "\n"},
		{path: "/v1/batch", body: `{"batch":["` + big(4<<20) + `"]}`, show: `{"batch":["(4194304 characters)"]}` + "\n"},
		{path: "/v1/batch", body: `{"batch":[` + strings.Repeat("{},", 2500) + `{}]}`, show: "(2501 messages)\n"},
		{path: "/v1/track", header: "Content-Encoding: br", body: "x"},
		{path: "/v1/track", header: "Content-Encoding: gzip", body: "no gzip"},
		{method: http.MethodGet, path: "/v1/track"},
		{method: http.MethodPut, path: "/v1/batch", body: "{}"},
		{path: "/v1/nothing", body: "{}"},
		{method: http.MethodGet, path: "/"},
		{method: http.MethodOptions, path: "/v1/track"},
		{path: "/v1/track", header: "Origin: https://evil.example.com", body: order("o-8")},
		{path: "/v1/track", header: "Host: evil.example.com", body: order("o-8")},
	} {
		c.file, c.base = "intake/answers", s.p.url
		if c.method == "" {
			c.method = http.MethodPost
		}
		r.http(t, c)
	}
	r.stopping(t, s)
}

// stopping records what a request is told that comes while relay stops: one
// that is half sent keeps relay from ending meanwhile.
func (r *record) stopping(t *testing.T, s *shop) {
	t.Helper()
	dial := func(text string) net.Conn {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	body := order("o-9")
	half := dial(fmt.Sprintf("POST /v1/track HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body)))
	defer half.Close()
	from := bufio.NewReader(half)
	if l, err := from.ReadString('\n'); err != nil || !strings.Contains(l, "100 Continue") { // it is inside
		t.Fatal(l, err)
	}
	if err := s.p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.state = "relay is stopping"
	eventually(t, "relay refuses new events", func() bool {
		status, _ := post(t, s.p.url+"/v1/page", "{}")
		return status == http.StatusServiceUnavailable
	})
	r.http(t, call{file: "intake/answers", base: s.p.url, method: http.MethodPost, path: "/v1/track", body: order("o-10")})
	for _, path := range []string{"/livez", "/readyz", "/readyz?verbose"} {
		r.http(t, call{file: "api/health", base: s.p.admin, path: path})
	}
	if _, err := half.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := <-s.p.done; err != nil {
		t.Errorf("relay ended with %v", err)
	}
}
