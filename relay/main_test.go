package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// TestMain lets the test binary be relay itself, for tests that need a real
// process to start, kill and start again.
func TestMain(m *testing.M) {
	if os.Getenv("RELAY_TEST_MAIN") == "1" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	// Most tests wait for other processes; more of them at once than there are cores.
	if flag.Parse(); flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	}
	os.Exit(m.Run())
}

const testMapping = `version: 1
events:
  Order Completed: "701000000000001"
default_country: US
default_currency: USD
`

// startSandbox serves a Graph API simulator until the test ends.
func startSandbox(t *testing.T, o sandbox.Options) (s *sandbox.Sandbox, addr string) {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(ctx, ln) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return s, ln.Addr().String()
}

// home is a directory with relay.yaml and mapping.yaml.
type home struct {
	dir string
	env []string // of its processes, besides ours

	files int // that `relay run` may have open; 0: as many as we
}

func newHome(t *testing.T, config, mapping string) home {
	t.Helper()
	h := home{dir: t.TempDir()}
	h.write(t, "relay.yaml", config)
	h.write(t, "mapping.yaml", mapping)
	return h
}

func (h home) path(name string) string { return filepath.Join(h.dir, name) }

func (h home) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// testConfig is a config whose listeners pick free ports.
func testConfig(graph, more string) string {
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token: test-token }
rate: { requests_per_second: 50, burst: 50 }
batch: { max_wait: 50ms }
retry: { min_interval: 50ms, max_interval: 500ms }
%s`, graph, more)
}

// process is a real relay.
type process struct {
	cmd   *exec.Cmd
	url   string // intake
	admin string
	sock  string // of the commands
	log   *lockedBuffer
	done  chan error
}

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

func relayCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RELAY_TEST_MAIN=1")
	return cmd
}

// start runs `relay run` and waits until it says that it listens.
func (h home) start(t *testing.T) *process {
	t.Helper()
	p := &process{cmd: relayCommand(context.Background(), "run", "--config", h.path("relay.yaml")), log: &lockedBuffer{}, done: make(chan error, 1)}
	if h.files > 0 {
		args := append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, h.files), p.cmd.Path}, p.cmd.Args[1:]...)
		env := p.cmd.Env
		p.cmd = exec.CommandContext(context.Background(), "sh", args...)
		p.cmd.Env = env
	}
	p.cmd.Env = append(p.cmd.Env, h.env...)
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		var once sync.Once
		sc := bufio.NewScanner(io.TeeReader(pipe, p.log))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var l struct{ Code, Addr, Admin, Socket string }
			if json.Unmarshal(sc.Bytes(), &l) == nil && l.Code == "listening" {
				p.url, p.admin, p.sock = "http://"+l.Addr, "http://"+l.Admin, l.Socket
				once.Do(func() { close(ready) })
			}
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		if p.cmd.Process != nil {
			_ = p.cmd.Process.Kill()
		}
		if t.Failed() {
			t.Logf("relay's log:\n%s", p.log)
		}
	})
	select {
	case <-ready:
	case err := <-p.done:
		t.Fatalf("relay ended: %v\n%s", err, p.log)
	case <-time.After(20 * time.Second):
		t.Fatalf("relay does not listen after 20 s\n%s", p.log)
	}
	return p
}

// kill is kill -9.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
}

// stop is SIGTERM; relay must exit 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			t.Fatalf("relay stopped with %v\n%s", err, p.log)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("relay does not stop\n%s", p.log)
	}
}

// control is an http.Client that asks as the commands do, whatever the host.
func (p *process) control() *http.Client { return controlOf(p.sock) }

func controlOf(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// post sends a body and returns status and answer.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// eventually waits for a condition of another process.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited two minutes: %s", what)
		}
	}
}

func order(id string) string {
	return fmt.Sprintf(`{"type":"track","messageId":%q,"event":"Order Completed","userId":"loyal-%s","properties":{"order_id":%q,"revenue":39.95,"currency":"USD"},"context":{"traits":{"email":"person.%s@example.com"}}}`, id, id, id, id)
}

func exitOf(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}

// get returns status and answer.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
