package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	analytics "gopkg.in/segmentio/analytics-go.v3"

	"relay/relay/internal/sandbox"
)

// nodeClient is a script of testdata/node, ready to run against host.
func nodeClient(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node.js here: the npm clients are not tried")
	}
	modules := os.Getenv("RELAY_NODE_MODULES")
	if modules == "" {
		t.Skip("RELAY_NODE_MODULES does not name a folder with the npm clients (relay/testdata/node/package.json): not tried")
	}
	src, err := os.ReadFile(filepath.Join("testdata/node", script))
	if err != nil {
		t.Fatal(err)
	}
	// Beside the modules, where import finds them.
	copied := filepath.Join(modules, strings.ReplaceAll(t.Name(), "/", "-")+"-"+script)
	if err := os.WriteFile(copied, src, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(copied) })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, node, append([]string{copied}, args...)...)
}

// eachOnce waits for n conversions and checks that none is there twice. A
// relay that was killed may have sent one again, unchanged; resent allows it.
func eachOnce(t *testing.T, sb *sandbox.Sandbox, n int, resent bool) {
	t.Helper()
	eventually(t, "all events are at the simulator", func() bool { return len(sb.Events(sandbox.Filter{})) >= n })
	all := sb.Events(sandbox.Filter{})
	for _, e := range all {
		if e.Times != 1 && !resent || len(e.Hashes) != 1 {
			t.Errorf("%s was received %d times, in %d forms", e.ID, e.Times, len(e.Hashes))
		}
	}
	if len(all) != n {
		t.Errorf("%d distinct conversions, want %d", len(all), n)
	}
}

// TestNodeClients points the unmodified npm clients at a real relay and looks
// at the simulator for what arrived: over http, and over https with the
// certificate of `relay tls init`, which they check.
func TestNodeClients(t *testing.T) {
	const n = 200
	for _, script := range []string{"segment.mjs", "rudder.cjs", "legacy.cjs"} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(script+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				sb, addr := startSandbox(t, sandbox.Options{})
				h, more := newHome(t, testConfig(addr, ""), testMapping), ""
				if scheme == "https" {
					if out, code := h.command(t, "tls", "init"); code != 0 {
						t.Fatal(out)
					}
					more = "tls: { cert: tls/relay.pem, key: tls/relay.key }\n"
				}
				h.write(t, "relay.yaml", testConfig(addr, more))
				p := h.start(t)
				cmd := nodeClient(t, script, scheme+strings.TrimPrefix(p.url, "http"), fmt.Sprint(n))
				cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+h.path("tls/ca.pem"))
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "done") {
					t.Fatalf("%v\n%s", err, out)
				}
				eachOnce(t, sb, n, false)
				p.stop(t)
			})
		}
	}
}

// freePort is a port that was free a moment ago, for a relay that comes back
// under the same address.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestNodeBackPressure fills a tiny queue with Segment's own client while
// nothing is uploaded, then lets it drain: the client waits at 429 and loses
// nothing. It waits as long as relay tells it, half a minute a round, in the
// long exam; else a front between them shortens the wait.
func TestNodeBackPressure(t *testing.T) {
	t.Parallel()
	const n = 600
	sb, addr := startSandbox(t, sandbox.Options{})
	config := strings.Replace(testConfig(addr, ""), "segment_size: 1MiB", "segment_size: 256KiB, max_size: 2MiB", 1)
	h := newHome(t, strings.Replace(config, "requests_per_second: 50", "requests_per_second: 0", 1), testMapping)
	p := h.start(t)
	host := p.url
	if os.Getenv("RELAY_EXAM") == "" {
		host = hurried(t, p.url)
	}
	cmd := nodeClient(t, "segment.mjs", host, fmt.Sprint(n), "12000", "10")
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the client is told 429", func() bool {
		_, text := get(t, p.admin+"/metrics")
		return strings.Contains(text, `relay_http_requests_total{code="429",route="batch"}`)
	})
	h.write(t, "relay.yaml", config)
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "done") {
		t.Fatalf("%v\n%s", err, &out)
	}
	eachOnce(t, sb, n, false)
	if _, text := get(t, p.admin+"/metrics"); !strings.Contains(text, "relay_http_client_retries_total ") || strings.Contains(text, "relay_http_client_retries_total 0") {
		t.Error("no retry of the client's was counted")
	}
	p.stop(t)
}

// hurried is the address of a front that passes everything on to relay, and
// tells a client to wait one second where relay says thirty or more.
func hurried(t *testing.T, relay string) string {
	t.Helper()
	to, err := url.Parse(relay)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode != http.StatusTooManyRequests {
				return nil
			}
			if wait, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
				t.Errorf("Retry-After: %q, want up to 60 seconds", resp.Header.Get("Retry-After"))
			}
			resp.Header.Set("Retry-After", "1")
			return nil
		},
	})
	t.Cleanup(front.Close)
	return front.URL
}

// TestNodeRestart kills relay and starts it again while Segment's own client
// sends.
func TestNodeRestart(t *testing.T) {
	t.Parallel()
	const n = 400
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, strings.Replace(testConfig(addr, ""), "listen: 127.0.0.1:0", "listen: "+freePort(t), 1), testMapping)
	p := h.start(t)
	cmd := nodeClient(t, "segment.mjs", p.url, fmt.Sprint(n), "0", "5")
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, enough := range []int{60, 200} {
		eventually(t, "some have arrived", func() bool { return len(sb.Events(sandbox.Filter{})) >= enough })
		p.kill(t)
		p = h.start(t)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "done") {
		t.Fatalf("%v\n%s", err, &out)
	}
	eachOnce(t, sb, n, true)
	p.stop(t)
}

// TestGoClient: analytics-go, whose context stands on the batch only, meets
// 503 before relay and answers that are lost behind it: nothing is lost or doubled.
func TestGoClient(t *testing.T) {
	t.Parallel()
	const n = 200
	sb, addr := startSandbox(t, sandbox.Options{KeepBodies: true})
	h := newHome(t, strings.Replace(testConfig(addr, "auth: { keys: [{ key: till-9, events: [Order Completed] }], write_keys: [till-1] }\n"), "listen: 127.0.0.1:0", "listen: "+freePort(t), 1), testMapping)
	p := h.start(t)
	var calls atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		refuse := func() {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"success":false,"code":"storage_unavailable","message":"","error":""}`)
		}
		if call%4 == 1 { // nothing was stored
			refuse()
			return
		}
		on, err := http.NewRequestWithContext(r.Context(), r.Method, p.url+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			refuse()
			return
		}
		on.Header = r.Header
		resp, err := http.DefaultClient.Do(on)
		if err != nil {
			refuse()
			return
		}
		defer resp.Body.Close()
		if call%4 == 2 { // stored, but nobody is told
			refuse()
			return
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer front.Close()
	var sent, failed atomic.Int32
	client, err := analytics.NewWithConfig("till-1", analytics.Config{
		Endpoint: front.URL, BatchSize: 20, Interval: 50 * time.Millisecond, Logger: analytics.StdLogger(log.New(io.Discard, "", 0)),
		RetryAfter:     func(int) time.Duration { return 50 * time.Millisecond },
		DefaultContext: &analytics.Context{Traits: analytics.NewTraits().Set("address", map[string]string{"city": "Springfield"})},
		Callback:       outcomes{&sent, &failed},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		err := client.Enqueue(analytics.Track{
			UserId: fmt.Sprintf("loyal-%d", i), Event: "Order Completed", MessageId: fmt.Sprintf("go-%d", i),
			Properties: analytics.NewProperties().SetRevenue(39.95).SetCurrency("USD").SetOrderId(fmt.Sprintf("go-%d", i)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Close would make it give up what it is retrying.
	eventually(t, "the client has an answer for each message", func() bool { return sent.Load()+failed.Load() == n })
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	eachOnce(t, sb, n, false)
	if failed.Load() > 0 {
		t.Errorf("the client gave up %d messages", failed.Load())
	}
	if e := sb.Events(sandbox.Filter{})[0]; !strings.Contains(string(e.Body), `"ct":`) {
		t.Errorf("the batch's context did not reach the conversion: %s", e.Body)
	}
	p.stop(t)
}

// outcomes counts what the client says became of its messages.
type outcomes struct{ sent, failed *atomic.Int32 }

func (o outcomes) Success(analytics.Message)        { o.sent.Add(1) }
func (o outcomes) Failure(analytics.Message, error) { o.failed.Add(1) }
