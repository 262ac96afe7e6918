package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// streams records what never ends: live, tail, history.
func (r *record) streams(t *testing.T, s *shop) {
	t.Helper()
	r.http(t, call{file: "api/live", base: s.p.admin, path: "/api/v1/live", rules: []rule{when}, part: func(from io.Reader) string {
		in := bufio.NewReader(from)
		out := ""
		for !strings.Contains(out, "\ndata:") {
			l, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			out += strings.Replace(l, "data: {", "data:\n{", 1)
		}
		return out + "…\n"
	}})
	r.http(t, call{file: "api/tail", base: s.p.admin, path: "/api/v1/tail", part: func(from io.Reader) string {
		if status, _ := post(t, s.p.url+"/v1/track", "no JSON"); status != http.StatusBadRequest {
			t.Error(status)
		}
		s.sells(t, order("o-tail"))
		in := bufio.NewScanner(from)
		got := map[string]string{}
		for len(got) < len(told) {
			if !in.Scan() {
				t.Fatalf("the tail ended: %v", in.Err())
			}
			for _, kind := range told {
				if strings.HasPrefix(in.Text(), "data: ") && strings.Contains(in.Text(), `"outcome":"`+kind+`"`) && got[kind] == "" {
					got[kind] = "event: outcome\n" + in.Text() + "\n\n"
				}
			}
		}
		return ": hello\n\n" + inOrder(got) + "…\n"
	}})
	for _, path := range []string{"/api/v1/history", "/api/v1/history?range=24h", "/api/v1/history?range=1y"} {
		r.http(t, call{file: "api/history", base: s.p.admin, path: path, rules: []rule{field("delivered|pending|dead", "<number>")}, part: func(from io.Reader) string {
			b, err := io.ReadAll(from)
			if err != nil {
				t.Fatal(err)
			}
			// The first point; how many there are is a matter of time.
			return regexp.MustCompile(`\[(\{[^}]*\}),.*\]`).ReplaceAllString(string(b), "[$1]")
		}})
	}
	r.tails(t, s)
}

// tails records `relay tail` and its end by SIGINT.
func (r *record) tails(t *testing.T, s *shop) {
	t.Helper()
	for i, args := range [][]string{{"tail"}, {"tail", "--json"}, {"status", "--watch"}} {
		r.interrupted(t, ask{config: s.path("relay.yaml"), rules: []rule{pattern(`(?m)^\d\d:\d\d:\d\d  `, "<time>  ")}}, func(lines <-chan string) string {
			if args[0] == "status" {
				return <-lines
			}
			return s.tailed(t, lines, fmt.Sprintf("o-tail-%d", i))
		}, args...)
	}
}

// interrupted records a command that does not end by itself: what it says, as
// far as until reads, and how it ends after SIGINT.
func (r *record) interrupted(t *testing.T, a ask, until func(<-chan string) string, args ...string) {
	t.Helper()
	call := args
	if a.config != "" {
		call = append(slices.Clone(args), "--config", a.config)
	}
	cmd := relayCommand(t.Context(), call...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(pipe)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			lines <- in.Text() + "\n"
		}
	}()
	out := until(lines)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range lines { // until it ends
	}
	code := exitOf(cmd.Wait())
	r.said(t, a, append(slices.Clone(args), "(until SIGINT)"), code, out, errOut.String())
}

// told are the outcomes that a tail is read for. Others, such as states of
// event sets, come in between as time will have it.
var told = []string{"refused", "received", "delivered"}

func inOrder(got map[string]string) string {
	out := ""
	for _, kind := range told {
		out += got[kind]
	}
	return out
}

// tailed brings a watcher to say something, then sells one order and returns
// what was said of either.
func (s *shop) tailed(t *testing.T, lines <-chan string, id string) string {
	t.Helper()
	got := map[string]string{}
	take := func(l string) {
		for _, kind := range told {
			if strings.Contains(l, kind) && got[kind] == "" {
				got[kind] = l
			}
		}
	}
	for len(got) == 0 {
		if status, _ := post(t, s.p.url+"/v1/track", "no JSON"); status != 400 {
			t.Fatal(status)
		}
		select {
		case l := <-lines:
			take(l)
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.sells(t, order(id))
	for len(got) < len(told) {
		l, ok := <-lines
		if !ok {
			t.Fatal("the tail ended")
		}
		take(l)
	}
	return inOrder(got)
}

// metrics records a scrape: names, types, help, labels; not the values.
func (r *record) metrics(t *testing.T, s *shop) {
	t.Helper()
	r.http(t, call{file: "api/metrics", base: s.p.admin, path: "/metrics", part: func(from io.Reader) string {
		var out strings.Builder
		in := bufio.NewScanner(from)
		for in.Scan() {
			l := in.Text()
			name := strings.TrimPrefix(strings.TrimPrefix(l, "# HELP "), "# TYPE ")
			switch {
			case strings.HasPrefix(name, "go_"), strings.HasPrefix(name, "process_"), strings.HasPrefix(name, "promhttp_"):
				continue // of the libraries, and of the system
			case !strings.HasPrefix(l, "#"):
				l = l[:strings.LastIndexByte(l, ' ')] + " <value>"
			}
			out.WriteString(l + "\n")
		}
		return out.String()
	}, rules: []rule{pattern(`version="[^"]*"`, `version="<version>"`), pattern(`goversion="[^"]*"`, `goversion="<go version>"`), pattern(`revision="[^"]*"`, `revision="<revision>"`)}})
}

// goldenDryRun records graph.dry_run.
func goldenDryRun(t *testing.T, r *record) {
	_, addr := startSandbox(t, sandbox.Options{})
	s := r.openShop(t, addr, lanesMapping, "queue: { path: data, max_size: 64MiB }\nbatch: { max_wait: 10ms }\ngraph: { endpoint: \"http://%s\", access_token: test-token, dry_run: true }\n")
	r.rules = []rule{aged}
	s.open(t, r)
	s.sells(t, append(lettered(), order("o-1"), `{"type":"track","messageId":"n-1","event":"Order Completed","properties":{"revenue":5,"currency":"USD"}}`)...)
	eventually(t, "the dry run has looked at all", func() bool {
		n := int64(0)
		for _, c := range laneOf(s.p.status(t), "701000000000001").DryRun {
			n += c
		}
		return n == 10
	})
	r.state = "dry run"
	conf := s.path("relay.yaml")
	r.relay(t, ask{config: conf, rules: []rule{ages, columns}}, "status")
	r.relay(t, ask{config: conf}, "status", "--json")
	r.relay(t, ask{config: conf, rules: []rule{sizes, columns}}, "lane", "list")
	r.http(t, call{file: "api/lanes", base: s.p.admin, path: "/api/v1/lanes"})
	r.doctor(t, s)
}

// goldenDemo records the demonstration, whose day is the same each time, and
// the simulator on its own.
func goldenDemo(t *testing.T, r *record) {
	r.state = "no set-up"
	addresses := pattern(`http://127\.0\.0\.1:\d+`, "http://<address>")
	r.relay(t, ask{rules: []rule{
		addresses,
		pattern(`(?m)^ *\d+\.\d s  `, "<time>  "),
		pattern(`/\S*/relay-demo-\d+`, "<dir>"),
		pattern(`\d+ conversions wait on disk, \d+ went out since`, "<some> conversions wait on disk, <some> went out since"),
		pattern(`; relay: .*`, "; relay: <what it says of a line that was cut before or amid a request>"),
		pattern(`\d+ events posted in \d+ requests`, "<some> events posted in <some> requests"),
	}}, "demo")
	r.interrupted(t, ask{rules: []rule{addresses}}, func(lines <-chan string) string { return <-lines }, "sandbox", "--listen", "127.0.0.1:0")

	dir := t.TempDir()
	r.know(dir, "<dir>")
	for name, text := range map[string]string{"bad.yaml": "phases:\n  - { mood: down }\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	taken := freeAddr(t)
	r.know(taken, "<taken>")
	occupy(t, taken)
	for _, args := range [][]string{
		{"--scenario", filepath.Join(dir, "none.yaml")},
		{"--scenario", filepath.Join(dir, "bad.yaml")},
		{"--app-secret-file", filepath.Join(dir, "empty")},
		{"--listen", taken},
	} {
		r.relay(t, ask{}, append([]string{"sandbox"}, args...)...)
	}
}
