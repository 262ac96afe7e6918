package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// secrets are texts that may appear in no output: what is personal in the
// events below, in every form it takes, and every token of the config.
var personalTexts = []string{
	"quentin", "tarantula", "quentin.tarantula@example.com", "2125550147", "212-555-0147", "1977-03-14", "19770314",
	"elmstreet", "springwood", "k1a 0b1", "k1a0b1", "cust-990817", "anon-774411", "203.0.113.77", "secret wish",
}

var tokens4 = []string{"EAAB-fake-access-token", "fake-app-secret-77", "fake-write-key-77", "gKq4fMz0c2Jw9tRb77", "hook-path-secret-77"}

// hostileEvent has personal data wherever a caller may put it.
func hostileEvent(id, properties string) string {
	return `{"type":"track","messageId":"` + id + `","event":"Order Completed","userId":"cust-990817","anonymousId":"anon-774411",
"properties":{"order_id":"` + id + `",` + properties + `"email":"quentin.tarantula@example.com","note":"secret wish","customer":{"email":"quentin.tarantula@example.com","phone":"212-555-0147"}},
"context":{"ip":"203.0.113.77","traits":{"email":"Quentin.Tarantula@example.com","phone":"212-555-0147","firstName":"Quentin","lastName":"Tarantula",
"birthday":"1977-03-14","address":{"street":"13 elmstreet","city":"Springwood","postalCode":"K1A 0B1","state":"ON","country":"CA"}}}}`
}

// TestNoPersonalDataAnywhere runs a relay through deliveries, refusals, dead
// letters, a broken mapping, a dead token and alerts, with events full of
// personal data, and looks for it and for every token in all that comes out.
func TestNoPersonalDataAnywhere(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	var mu sync.Mutex
	var alerts bytes.Buffer
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&alerts, r.Body)
	}))
	defer hook.Close()
	alerted := func() string { mu.Lock(); defer mu.Unlock(); return alerts.String() }

	h := newHome(t, "", testMapping)
	adminAddr := freeAddr(t)
	h.write(t, "token", tokens4[0]+"\n")
	h.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q, token: %s }
auth: { write_keys: [%s] }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token_file: token, app_secret: %s }
rate: { requests_per_second: 50, burst: 50 }
batch: { max_wait: 20ms }
retry: { min_interval: 20ms, max_interval: 200ms }
log: { level: debug }
alerts: { webhook: "%s/%s" }
`, adminAddr, tokens4[3], tokens4[2], addr, tokens4[1], hook.URL, tokens4[4]))
	p := h.start(t)

	out := map[string]string{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var tail lockedBuffer
	tailing := relayCommand(ctx, "tail", "--json", "--config", h.path("relay.yaml"))
	tailing.Stdout = &tail
	if err := tailing.Start(); err != nil {
		t.Fatal(err)
	}
	send := func(path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(tokens4[2], "")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		out["answer to "+path] += string(b)
	}
	eventually(t, "tail is connected", func() bool {
		send("/v1/track", hostileEvent("p-tail", `"revenue":1,"currency":"USD",`))
		send("/v1/track", `{"event":"Nothing Mapped","userId":"cust-990817"}`)
		return tail.String() != ""
	})
	send("/v1/track", hostileEvent("p-1", `"revenue":10,"currency":"USD",`))
	send("/v1/track", hostileEvent("p-2", `"revenue":"quentin","currency":"USD",`)) // invalid_value
	send("/v1/track", hostileEvent("p-3", `"revenue":10,"currency":"tarantula",`))  // invalid_currency
	send("/v1/batch", `{"batch":[{"type":"track","event":7,"userId":"cust-990817","context":{"traits":{"email":"quentin.tarantula@example.com"}}}]}`)
	send("/v1/track", `{"event":"Order Completed","userId":"cust-990817","quentin`) // broken
	send("/v1/track", `{"userId":"quentin.tarantula@example.com"}`)                 // no event
	send("/v1/nowhere/quentin.tarantula@example.com?phone=2125550147", `{}`)        // unknown path
	eventually(t, "three dead letters", func() bool { return p.status(t).Queue.Dead >= 3 })
	for _, m := range []string{sandbox.RefuseAll, sandbox.Fail, sandbox.TokenDead} {
		if err := sb.SetMode(m); err != nil {
			t.Fatal(err)
		}
		n := len(sb.Calls(0, 0))
		send("/v1/track", hostileEvent("p-"+m, `"revenue":10,"currency":"USD",`))
		eventually(t, m+" was met", func() bool { return len(sb.Calls(0, 0)) > n })
	}
	h.write(t, "mapping.yaml", testMapping+"evnts: { quentin: 1 }\n")
	eventually(t, "the mapping is refused", func() bool { return p.status(t).Mapping.Refused != nil })
	eventually(t, "alerts went out", func() bool {
		return strings.Contains(alerted(), "dead_letters_growing") && strings.Contains(alerted(), "mapping_refused")
	})

	// Everything that can be had over the socket, but for what shows contents: over TCP
	// without the token that must not be had …
	id := ""
	for _, path := range []string{
		"/", "/metrics", "/livez", "/readyz?verbose", "/api/v1/ping", "/api/v1/status", "/api/v1/history", "/api/v1/lanes",
		"/api/v1/dead", "/api/v1/dead/summary", "/api/v1/queue", "/api/v1/queue/events",
		"/api/v1/dead/nothing", "/api/v1/receipts?id=p-1",
	} {
		body := fetch(t, p, path)
		out["GET "+path] = body
		if path == "/api/v1/dead" {
			_, id, _ = strings.Cut(body, `"id":"`)
			id, _, _ = strings.Cut(id, `"`)
		}
	}
	if id == "" {
		t.Fatal("no dead letter to look at")
	}
	for line := range strings.SplitSeq(strings.TrimSpace(out["GET /api/v1/dead"]), "\n") {
		_, id, _ := strings.Cut(line, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		out["GET /api/v1/dead/"+id] = fetch(t, p, "/api/v1/dead/"+id)
		out["GET …?body=full"] += fetchTCP(t, adminAddr, "/api/v1/dead/"+id+"?body=full")
	}
	for _, path := range []string{"/api/v1/dead/export", "/api/v1/queue/export", "/api/v1/support"} {
		out["GET "+path] = fetchTCP(t, adminAddr, path)
	}
	// … what the commands print …
	for _, args := range [][]string{
		{"status"},
		{"status", "--json"},
		{"dead", "list"},
		{"dead", "list", "--json"},
		{"dead", "show", id},
		{"queue", "list"},
		{"queue", "stats"},
		{"lane", "list"},
		{"config", "print"},
		{"doctor"},
		{"dead", "retry", "--all", "--dry-run"},
		{"check"},
	} {
		b, _ := relayCommand(t.Context(), append(args, "--config", h.path("relay.yaml"))...).CombinedOutput()
		out["relay "+strings.Join(args, " ")] = string(b)
		if len(b) == 0 {
			t.Errorf("relay %v printed nothing", args)
		}
	}
	// … the support bundle …
	bundle := h.path("support.zip")
	if b, err := relayCommand(t.Context(), "support-bundle", bundle, "--wait", "0s", "--config", h.path("relay.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("support-bundle: %v\n%s", err, b)
	}
	z, err := zip.OpenReader(bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out["bundle "+f.Name] = string(b)
	}
	for _, name := range []string{"config.yaml", "log.txt", "status.json", "mapping.yaml"} {
		if out["bundle relay-support/"+name] == "" {
			t.Errorf("the support bundle has no %s", name)
		}
	}
	// … file names and the process list …
	_ = filepath.WalkDir(h.dir, func(path string, _ fs.DirEntry, _ error) error { out["file names"] += path + "\n"; return nil })
	if runtime.GOOS == "linux" {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		out["process list"] = string(b)
	}
	stop()
	_ = tailing.Wait()
	p.stop(t)
	// … the stream of outcomes, the alerts and the log.
	out["relay tail"], out["alerts"], out["log"] = tail.String(), alerted(), p.log.String()

	forms := append([]string{}, tokens4...)
	for _, s := range personalTexts {
		sum := sha256.Sum256([]byte(s))
		forms = append(forms, s, hex.EncodeToString(sum[:]))
	}
	for where, text := range out {
		low := strings.ToLower(text)
		for _, s := range forms {
			// What is refused in the mapping is the operator's own text, and the
			// client's own address is not ours to hide from it.
			if strings.Contains(low, strings.ToLower(s)) && !(s == "quentin" && mappingText(where)) {
				at := strings.Index(low, strings.ToLower(s))
				t.Errorf("%s shows %q: …%s…", where, s, text[max(0, at-80):min(len(text), at+80)])
			}
		}
	}
	for _, where := range []string{"relay tail", "alerts", "log", "GET /metrics"} {
		if len(out[where]) < 100 {
			t.Errorf("%s is %q: this test sees nothing there", where, out[where])
		}
	}
	for _, where := range []string{"GET /api/v1/dead/export", "GET /api/v1/queue/export", "GET /api/v1/support", "GET …?body=full"} {
		if !strings.Contains(out[where], "token_needed") {
			t.Errorf("%s without the token: %s", where, out[where])
		}
	}
}

// mappingText says where the mapping's own text, with its mistake, is quoted.
func mappingText(where string) bool {
	for _, s := range []string{"log", "status", "check", "mapping", "doctor", "alerts"} {
		if strings.Contains(where, s) {
			return true
		}
	}
	return false
}

// fetchTCP asks the admin address, without a token.
func fetchTCP(t *testing.T, addr, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

func fetch(t *testing.T, p *process, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://relay"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.control().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
