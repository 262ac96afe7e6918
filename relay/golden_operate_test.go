package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"relay/relay/internal/api"
)

// operates records what changes something in the running relay, by command
// and by API.
func (r *record) operates(t *testing.T, s *shop) {
	t.Helper()
	conf := s.path("relay.yaml")
	r.state = "operating"
	for _, args := range [][]string{
		{"lane", "pause", "stores"},
		{"lane", "pause", "701000000000009"},
		{"lane", "resume", "stores"},
		{"lane", "move", "paused", "nowhere"},
		{"lane", "move", "paused", "paused"},
		{"lane", "move", "paused", "stores"},
		{"lane", "drop", "doubtful", "--yes"},
		{"lane", "drop", "701000000000009", "--yes"},
		{"forward", "replay", "--dry-run"},
		{"health"},
	} {
		r.relay(t, ask{config: conf}, args...)
	}
	r.relay(t, ask{config: conf, stdin: "person.o-1@example.com\n"}, "forget", "--dry-run")
	r.relay(t, ask{config: conf, stdin: "person.o-1@example.com\n"}, "forget")
	r.relay(t, ask{config: conf, stdin: "nobody@example.com\n"}, "forget")
	written := []rule{pattern(`\d+(?:\.\d)? (?:B|[KMG]iB) written`, "<size> written")}
	r.relay(t, ask{config: conf, rules: written}, "backup", s.path("copy.tar"))
	r.relay(t, ask{config: conf, rules: written}, "support-bundle", s.path("help.zip"), "--wait", "0s")

	r.posts(t, s, "lanes", "/api/v1/lanes/stores/pause", "")
	r.posts(t, s, "lanes", "/api/v1/lanes/stores/resume", "{}")
	r.posts(t, s, "lanes", "/api/v1/lanes/nobody/pause", "")
	r.posts(t, s, "lanes", "/api/v1/lanes/unmapped/pause", "")
	r.posts(t, s, "lanes", "/api/v1/lanes/paused/move", `{"to":"stores"}`)
	r.posts(t, s, "lanes", "/api/v1/lanes/paused/move", `{"from":"stores"}`)
	r.posts(t, s, "lanes", "/api/v1/lanes/failing/drop", `{}`)
	r.posts(t, s, "lanes", "/api/v1/lanes/failing/drop", `{"confirm":"701000000000004"}`)
	r.posts(t, s, "dead", "/api/v1/dead/retry", `{"reason":"missing_value","dry_run":true}`)
	r.posts(t, s, "dead", "/api/v1/dead/retry", `{}`)
	r.posts(t, s, "dead", "/api/v1/dead/drop", `{"reason":"invalid_value","dry_run":true}`)
	r.posts(t, s, "dead", "/api/v1/dead/drop", `{"reason":"invalid_value"}`)
	r.posts(t, s, "dead", "/api/v1/dead/drop", `{"all":1}`)
	r.posts(t, s, "forget", "/api/v1/forget", `{"lines":["nobody-1","nobody@example.com"]}`)
	r.posts(t, s, "forget", "/api/v1/forget", `{"lines":["nobody-1"],"dry_run":true}`)
	r.posts(t, s, "forget", "/api/v1/forget", `{"lines":["nobody-1","Ada Lovelace","nobody@"]}`)
	r.posts(t, s, "forget", "/api/v1/forget", `{}`)
	r.posts(t, s, "forward", "/api/v1/forward/replay", `{"dry_run":true}`)
	r.posts(t, s, "forward", "/api/v1/forward/replay", `{"since":"yesterday"}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file", `{"events":[{"id":"x-1","body":"eyJldmVudCI6IlRpbGwgT3BlbmVkIn0="}]}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file", `{"events":[{"id":"x-1","body":"eyJldmVudCI6IlRpbGwgT3BlbmVkIn0="}]}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file", `{"events":[]}`)
	r.posts(t, s, "dead", "/api/v1/dead/import", `{"letters":[]}`)
	r.posts(t, s, "dead", "/api/v1/dead/import", `{"letters":[{"id":"0000000100000000","reason":"rejected","masked":true}]}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file/state", `{"rows":1}`)
	r.posts(t, s, "imports", "/api/v1/imports/a_file/state", `{"rows":1}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file/report", `{"path":"/srv/exports/sales.csv.refused.jsonl"}`)
	r.posts(t, s, "imports", "/api/v1/imports/a-file/report", `{"path":"sales.csv.refused.jsonl"}`)
	base := s.p.admin
	r.http(t, call{file: "api/imports", base: base, path: "/api/v1/imports/a-file"})
	r.http(t, call{file: "api/imports", base: base, path: "/api/v1/imports/another"})
	for _, path := range []string{
		"/api/v1/dead?reason=rejected", "/api/v1/dead?search=d-9", "/api/v1/dead?limit=1", "/api/v1/dead?limit=-1", "/api/v1/dead?since=yesterday",
		"/api/v1/dead/0000000100000000", "/api/v1/dead/0000000100000000?body=full", "/api/v1/dead/nothing",
	} {
		r.http(t, call{file: "api/dead", base: base, path: path})
	}
	for _, path := range []string{"/api/v1/queue/events?event_set=unmapped", "/api/v1/queue/events?limit=1", "/api/v1/queue/events?limit=x", "/api/v1/queue/events/first", "/api/v1/queue/events/99-0"} {
		r.http(t, call{file: "api/queue", base: base, path: path})
	}
	r.queued(t, s)
	r.http(t, call{file: "api/receipts", base: base, path: "/api/v1/receipts"})
	r.downloads(t, s)
	r.streams(t, s)
	r.errors(t, s)
}

// queued records one waiting event, whichever id it has.
func (r *record) queued(t *testing.T, s *shop) {
	t.Helper()
	list := fetch(t, s.p, "/api/v1/queue/events?event_set=701000000000002")
	_, rest, _ := strings.Cut(list, `"id":"`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no event waits for the forbidden set: %s", list)
	}
	for _, more := range []string{"", "?body=full"} {
		r.http(t, call{file: "api/queue", base: s.p.admin, path: "/api/v1/queue/events/" + id + more})
	}
}

// downloads records answers that are files: which they are, not their bytes.
func (r *record) downloads(t *testing.T, s *shop) {
	t.Helper()
	same := func(path string) func(io.Reader) string {
		return func(from io.Reader) string {
			b, err := io.ReadAll(from)
			if err != nil {
				t.Fatal(err)
			}
			want, rest, _ := strings.Cut(read(t, path), "{{.Version}}")
			if !strings.HasPrefix(string(b), want) || !strings.HasSuffix(string(b), rest) {
				t.Errorf("not the bytes of %s", path)
			}
			return "(the bytes of " + path + ", the version put in)\n"
		}
	}
	r.http(t, call{file: "api/page", base: s.p.admin, path: "/", part: same("internal/admin/page/page.html")})
	for _, name := range []string{"page.js", "page.css", "icon.svg"} {
		r.http(t, call{file: "api/page", base: s.p.admin, path: "/assets/" + name, part: same("internal/admin/page/" + name)})
	}
	r.http(t, call{file: "api/page", base: s.p.admin, path: "/assets/page.html"})
	r.http(t, call{file: "api/support", base: s.p.admin, path: "/api/v1/support?wait=0", part: func(from io.Reader) string {
		b, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		names := "(a zip with the files below)\n"
		for _, f := range z.File {
			names += f.Name + "\n"
		}
		return names
	}})
	r.http(t, call{file: "api/support", base: s.p.admin, path: "/api/v1/support?wait=61"})
	r.http(t, call{file: "api/backup", base: s.p.admin, method: http.MethodPost, path: "/api/v1/backup", part: func(from io.Reader) string {
		names := "(a tar with the files below)\n"
		seen := map[string]bool{}
		for in := tar.NewReader(from); ; {
			h, err := in.Next()
			if err == io.EOF {
				return names
			}
			if err != nil {
				t.Fatal(err)
			}
			name := segmentName.ReplaceAllString(h.Name, "<segment>.$1") // how many there are is the queue's business
			if !seen[name] {
				seen[name] = true
				names += name + "\n"
			}
		}
	}})
}

var segmentName = regexp.MustCompile(`[0-9a-f]{16}\.(seg|ids)`)

// errors records what every route may answer.
func (r *record) errors(t *testing.T, s *shop) {
	t.Helper()
	base := s.p.admin
	for _, c := range []call{
		{path: "/nothing"},
		{path: "/api/v1/nothing"},
		{method: http.MethodDelete, path: "/api/v1/status"},
		{method: http.MethodPost, path: "/api/v1/status", header: "Content-Type: application/json"},
		{path: "/api/v1/reload"},
		{path: "/api/v1/status", header: "Host: evil.example"},
		{path: "/livez", header: "Host: evil.example"},
		{path: "/api/v1/status", header: "Origin: https://evil.example"},
		{path: "/api/v1/status", header: "Sec-Fetch-Site: cross-site"},
		{method: http.MethodPost, path: "/api/v1/dead/drop", header: "Content-Type: text/plain", body: "{}"},
		{method: http.MethodPost, path: "/api/v1/dead/drop", header: "Content-Type: application/json", body: "{"},
		{method: http.MethodPost, path: "/api/v1/dead/drop", header: "Content-Type: application/json", body: `{"al":true}`},
		{method: http.MethodPost, path: "/api/v1/dead/drop", header: "Content-Type: application/json", body: `{"all":true} {}`},
	} {
		c.file, c.base = "api/errors", base
		r.http(t, c)
	}
}

// reloads records files that change under a running relay.
func (r *record) reloads(t *testing.T, s *shop) {
	t.Helper()
	conf := s.path("relay.yaml")
	good := read(t, conf)
	try := func(state string) {
		t.Helper()
		r.state = state
		r.relay(t, ask{config: conf}, "reload")
		s.quiet(t)
	}
	again := func() {
		t.Helper()
		r.http(t, call{file: "api/reload", base: s.p.admin, method: http.MethodPost, path: "/api/v1/reload"})
		s.quiet(t)
	}
	try("nothing has changed")
	s.write(t, "mapping.yaml", lanesMapping+"event: {}\n")
	try("a mapping with mistakes")
	again()
	r.http(t, call{file: "api/mapping", base: s.p.admin, path: "/api/v1/mapping"})
	r.relay(t, ask{config: conf, rules: []rule{ages, columns, when}}, "status")
	r.relay(t, ask{config: conf, rules: []rule{when}}, "status", "--json")

	retired := strings.Replace(strings.Replace(lanesMapping, "  forbidden: { id: \"701000000000002\" }\n", "", 1), "  Forbidden Sale: forbidden\n", "", 1)
	s.write(t, "mapping.yaml", retired)
	s.write(t, "relay.yaml", strings.Replace(good, "requests_per_second: 50", "requests_per_second: 40", 1)+"log: { format: json }\n")
	try("an event set has left the mapping, a setting waits for a restart")
	s.until(t, "the set that left is retired, and the breaker has tried the new mapping", func(st api.Status) bool {
		return laneOf(st, "701000000000002").State == "retired" && laneOf(st, "701000000000006").Pending == 0
	})
	r.relay(t, ask{config: conf, rules: []rule{ages, columns, when}}, "status")
	r.relay(t, ask{config: conf, rules: []rule{when}}, "status", "--json")
	r.relay(t, ask{config: conf, rules: []rule{sizes, columns}}, "lane", "list")
	again()
	r.relay(t, ask{config: conf}, "lane", "pause", "701000000000002")
	r.relay(t, ask{config: conf}, "lane", "move", "701000000000002", "stores")
	s.write(t, "mapping.yaml", strings.Replace(retired, "  Order Completed: stores\n", "  Order Completed: stores\n  Forbidden Sale: stores\n", 1))
	try("the mapping sends them elsewhere")
	r.relay(t, ask{config: conf}, "lane", "move", "701000000000002", "stores")
	s.quiet(t)

	if err := os.Remove(s.path("mapping.yaml")); err != nil {
		t.Fatal(err)
	}
	try("the mapping is gone")
	s.write(t, "mapping.yaml", retired)
	s.write(t, "relay.yaml", good+"rate: 1\n")
	r.state = "a config with mistakes"
	again()
	s.write(t, "relay.yaml", good)
	again()
}

// doctor records what doctor finds, but for what it says of this machine: the
// speed and space of its disk, how it watches files, and that this is root.
func (r *record) doctor(t *testing.T, s *shop) {
	t.Helper()
	_ = os.Chmod(s.path("relay.yaml"), 0o600)
	machine := []rule{
		pattern(`(?m)^(?:ok  |note|WARN|FAIL)  (?:disk|watch|files) .*\n(?: {18}.*\n)*`, ""),
		pattern(`(?m)^\{"check":"(?:disk|watch|files)".*\n`, ""),
		pattern(`(?s)\{\n  "check": "(?:disk|watch|files)",.*?\n\}\n`, ""),
		unwrapped,
		pattern(`\d+ failures?, \d+ warnings?`, "<failures and warnings>"),
	}
	conf := s.path("relay.yaml")
	r.relay(t, ask{config: conf, rules: machine}, "doctor")
	r.relay(t, ask{config: conf, rules: machine}, "doctor", "--json")
	r.relay(t, ask{config: conf, rules: machine}, "doctor", "--test-event-code", "TEST12345", "--test-alerts")
}
