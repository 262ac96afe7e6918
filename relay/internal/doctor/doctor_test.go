package doctor

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/strictyaml"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
	"relay/relay/internal/localca"
	"relay/relay/internal/sandbox"
)

const fakeToken = "EAAB-fake-token"

// setup is one machine to examine.
type setup struct {
	config  string // appended to relay.yaml
	graph   string // further members of graph
	mapping string
	token   string // "-": none
	sandbox func(*sandbox.Sandbox) error
	options sandbox.Options
	serve   http.Handler // instead of the sandbox
	change  func(t *testing.T, o *Options)
	env     map[string]string
	code    string // test event code
}

// examine runs the doctor on it.
func (s setup) examine(t *testing.T) []Finding {
	t.Helper()
	for k, v := range s.env {
		t.Setenv(k, v)
	}
	sb, err := sandbox.New(s.options)
	if err != nil {
		t.Fatal(err)
	}
	if s.sandbox != nil {
		if err := s.sandbox(sb); err != nil {
			t.Fatal(err)
		}
	}
	var h http.Handler = sb
	if s.serve != nil {
		h = s.serve
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)

	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	mapping := s.mapping
	if mapping == "" {
		mapping = "version: 1\nevents: { Order Completed: \"701000000000001\" }\ndefault_country: US\ndefault_currency: USD\n"
	}
	write("mapping.yaml", mapping, 0o600)
	token := fakeToken
	if s.token != "" {
		token = strings.Trim(s.token, "-")
	}
	write("token", token+"\n", 0o600)
	endpoint := srv.URL
	if strings.Contains(s.graph, "endpoint:") {
		endpoint = ""
	}
	text := "listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\nmapping: mapping.yaml\ngraph:\n  access_token_file: token\n"
	if strings.Contains(s.config, "listen:") {
		text = strings.TrimPrefix(text, "listen: 127.0.0.1:0\n")
	}
	if endpoint != "" {
		text += "  endpoint: " + endpoint + "\n"
	}
	text += s.graph + s.config
	write("relay.yaml", text, 0o600)
	cfg, warnings, err := config.Load(filepath.Join(dir, "relay.yaml"), config.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, more, err := mapper.Parse(cfg.Mapping, []byte(mapping))
	if err != nil {
		t.Fatal(err)
	}
	client, err := graph.New(graph.Options{
		Endpoint: cfg.Graph.Endpoint, Version: cfg.Graph.Version, Proxy: cfg.Graph.Proxy, CAFile: cfg.Graph.CAFile,
		Token: cfg.Graph.AccessToken.Reveal, AppSecret: cfg.Graph.AppSecret.Reveal, Timeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	var got []Finding
	o := Options{
		Config: cfg, Warnings: append(warnings, more...), Mapping: m, Client: client, TestEventCode: s.code,
		Emit: func(f Finding) { got = append(got, f) },
	}
	if s.change != nil {
		s.change(t, &o)
	}
	Run(t.Context(), o)
	return got
}

// certificateAt gives relay a certificate for 30 days, and looks at it so long
// after it was made.
func certificateAt(after time.Duration) func(*testing.T, *Options) {
	return func(t *testing.T, o *Options) {
		t.Helper()
		dir := t.TempDir()
		if _, err := localca.Make(localca.Options{Dir: dir, Hosts: []string{"localhost"}, Life: 30 * 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		o.Config.TLS.Cert, o.Config.TLS.Key = filepath.Join(dir, localca.CertFile), filepath.Join(dir, localca.KeyFile)
		o.Now = func() time.Time { return time.Now().Add(after) }
	}
}

// failingWrites makes every small file beside the queue fail with err.
func failingWrites(err error) func(*testing.T, *Options) {
	return func(_ *testing.T, o *Options) { o.write = func(string) error { return err } }
}

// seen are the codes that some test has provoked.
var seen = struct {
	sync.Mutex
	codes map[string]bool
}{codes: map[string]bool{}}

func note(fs []Finding) {
	seen.Lock()
	defer seen.Unlock()
	for _, f := range fs {
		seen.codes[f.Code] = true
	}
}

// want fails unless a finding of this code and level is there; it returns it.
func want(t *testing.T, fs []Finding, code string, level Level) Finding {
	t.Helper()
	note(fs)
	for _, f := range fs {
		if f.Code == code && f.Level == level {
			return f
		}
	}
	t.Errorf("no finding %s of level %s among:\n%s", code, level, printed(fs))
	return Finding{}
}

func printed(fs []Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "  %-4s %s/%s: %s | %s | %s\n", f.Level, f.Check, f.Code, f.Text, f.Fix, f.Who)
	}
	return b.String()
}

func tokens(state sandbox.TokenState) func(*sandbox.Sandbox) error {
	return func(s *sandbox.Sandbox) error { return s.SetTokens(map[string]sandbox.TokenState{fakeToken: state}) }
}

func mode(m string) func(*sandbox.Sandbox) error {
	return func(s *sandbox.Sandbox) error { return s.SetMode(m) }
}

func modeOf(set, m string) func(*sandbox.Sandbox) error {
	return func(s *sandbox.Sandbox) error { return s.SetModeOf(set, m) }
}

// failing answers every upload with a code.
func failing(code, subcode int) func(*sandbox.Sandbox) error {
	return func(s *sandbox.Sandbox) error {
		return s.Update(func(n *sandbox.Settings) {
			n.Sets = map[string]*sandbox.Behaviour{set1: {Mode: sandbox.Fail, Status: 400, Code: code, Subcode: subcode}}
		})
	}
}

const set1 = "701000000000001"

// TestFindings provokes every finding once, and checks that none was left out
// and none shows a secret.
func TestFindings(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := dead.Addr().String()
	dead.Close()
	proxy407 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy407.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	proc := t.TempDir()
	answers := func(body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
	}
	at := func(day string) func(*testing.T, *Options) {
		return func(t *testing.T, o *Options) {
			now, err := time.Parse(time.DateOnly, day)
			if err != nil {
				t.Fatal(err)
			}
			o.Now = func() time.Time { return now }
		}
	}

	for _, c := range []struct {
		name  string
		code  string
		level Level
		setup setup
	}{
		{"healthy", "accepted", OK, setup{}},
		{"permissions", "scopes", OK, setup{}},
		{"reached", "reached", OK, setup{}},
		{"clock right", "clock", OK, setup{}},
		{"disk has room", "space", OK, setup{}},
		{"disk is quick", "speed", OK, setup{}},
		{"version is new", "version", OK, setup{}},
		{"nothing runs", "not_running", Note, setup{}},

		{"config warns", "suspicious", Warn, setup{config: "rate: { requests_per_second: 0 }\n"}},
		{"dry run", "dry_run", Warn, setup{graph: "  dry_run: true\n"}},
		{"empty mapping", "no_events", Warn, setup{mapping: "version: 1\nevents: {}\n"}},
		{"no set to try", "token_untried", Note, setup{mapping: "version: 1\nevents: {}\n"}},
		{"offline api", "offline_api", Warn, setup{mapping: "version: 1\napi: offline\nevents: { Order Completed: \"701000000000001\" }\n"}},

		{"no token", "token_file_empty", Fail, setup{token: "-"}},
		{"token in quotes", "token_file_malformed", Fail, setup{token: `"EAAB-fake"`}},
		{"token expired", "token_invalid", Fail, setup{sandbox: tokens(sandbox.TokenExpired)}},
		{"token unknown", "token_invalid", Fail, setup{sandbox: func(s *sandbox.Sandbox) error {
			return s.SetTokens(map[string]sandbox.TokenState{"another": sandbox.TokenOK})
		}}},
		{"token only sends", "send_only", Note, setup{sandbox: tokens(sandbox.TokenSendOnly)}},
		{"send-only still accepted", "accepted", OK, setup{sandbox: tokens(sandbox.TokenSendOnly)}},
		{"too few scopes", "scopes", Warn, setup{serve: answers(`{"data":[{"permission":"public_profile","status":"granted"}],"error":null}`)}},
		{"app secret wrong", "app_secret", Fail, setup{options: sandbox.Options{AppSecret: "right"}, graph: "  app_secret: wrong\n"}},
		{"app secret missing", "app_secret", Fail, setup{options: sandbox.Options{AppSecret: "right"}}},
		{"app secret refused, and no event set", "app_secret", Fail, setup{options: sandbox.Options{AppSecret: "right"}, mapping: "version: 1\nevents: {}\n"}},
		{"account restricted", "account_restricted", Fail, setup{sandbox: failing(1404163, 0)}},
		{"path unknown", "path_unknown", Fail, setup{sandbox: failing(2500, 0)}},
		{"an error of other calls", "not_applicable", Warn, setup{sandbox: failing(613, 1487632)}},

		{"dataset unknown", "event_set_wrong", Fail, setup{sandbox: func(s *sandbox.Sandbox) error {
			return s.Update(func(n *sandbox.Settings) { n.KnownSets = []string{"702000000000002"} })
		}}},
		{"dataset not assigned", "no_permission", Fail, setup{sandbox: modeOf(set1, sandbox.Permission)}},
		{"throttled", "throttled", Warn, setup{sandbox: modeOf(set1, sandbox.Throttled)}},
		{"Meta in trouble", "meta_trouble", Warn, setup{sandbox: modeOf(set1, sandbox.Fail)}},
		{"not a dataset for this", "not_consolidated", Warn, setup{serve: answers(`{"id":"701000000000001","name":"Old set","is_consolidated_container":false}`)}},
		{"round trip", "round_trip", OK, setup{code: "TEST1"}},
		{"round trip refused", "round_trip_failed", Fail, setup{code: "TEST1", sandbox: modeOf(set1, sandbox.RefuseAll)}},
		{"round trip impossible", "not_possible", Note, setup{code: "TEST1", mapping: "version: 1\napi: offline\nevents: { Order Completed: \"701000000000001\" }\n"}},

		{"nobody there", "unreachable", Fail, setup{graph: "  endpoint: http://" + nobody + "\n"}},
		{"line cut", "unreachable", Fail, setup{sandbox: mode(sandbox.Cut)}},
		{"no such host", "dns", Fail, setup{graph: "  endpoint: https://graph.invalid\n  proxy: none\n"}},
		{"proxy refuses", "proxy", Fail, setup{graph: "  endpoint: https://graph.example.com\n  proxy: " + proxy407.URL + "\n"}},
		{"proxy is down", "proxy", Fail, setup{graph: "  endpoint: https://graph.example.com\n  proxy: http://user:s3cret@" + nobody + "\n"}},
		{"proxy of the environment", "proxy_invalid", Fail, setup{graph: "  endpoint: https://graph.example.com\n", change: func(_ *testing.T, o *Options) {
			o.proxyOf = func(*http.Request) (string, error) { return "", errors.New("bad") }
		}}},
		{"certificate unknown", "tls", Fail, setup{graph: "  endpoint: " + secure.URL + "\n"}},
		{"log-in page", "foreign_answer", Fail, setup{sandbox: mode(sandbox.HTMLOK)}},
		{"gateway page", "server_trouble", Fail, setup{sandbox: mode(sandbox.HTML)}},

		{"clock off", "clock_off", Warn, setup{sandbox: func(s *sandbox.Sandbox) error {
			return s.Update(func(n *sandbox.Settings) { n.DateOffsetS = 120 })
		}}},
		{"clock wrong", "clock_wrong", Fail, setup{sandbox: func(s *sandbox.Sandbox) error {
			return s.Update(func(n *sandbox.Settings) { n.DateOffsetS = -86400 })
		}}},
		{"no date", "no_date", Note, setup{serve: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"id":"1"}`)
		})}},

		{"version retired", "version_retired", Warn, setup{graph: "  version: v19.0\n", change: at("2026-11-24")}},
		{"version ancient", "version_retired", Warn, setup{graph: "  version: v9.0\n"}},
		{"version ends soon", "version_ends", Warn, setup{graph: "  version: v21.0\n", change: at("2026-12-01")}},
		{"version lives", "version", OK, setup{graph: "  version: v24.0\n", change: at("2026-12-01")}},
		{"the table is old", "table_old", Warn, setup{change: at("2028-10-01")}},
		{"version of the future", "version_unknown", Note, setup{graph: "  version: v31.0\n"}},
		{"version warned of", "version_warning", Warn, setup{sandbox: func(s *sandbox.Sandbox) error {
			return s.Update(func(n *sandbox.Settings) { n.VersionWarning = true })
		}}},

		{"another user", "not_allowed", Warn, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{NotAllowed: "only root may"} }}},
		{"another program", "foreign", Fail, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Foreign: "404"} }}},
		{"not ready", "not_ready", Fail, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Up: true, NotReady: "queue: full"} }}},
		{"an event set stands still", "breaker", Fail, setup{change: func(_ *testing.T, o *Options) {
			o.Running = Running{Up: true, Lanes: []Lane{{ID: "701", State: "breaker", Headline: "Stopped", Todo: "Correct the mapping.", Pending: 3}, {ID: "702", State: "breaker"}}}
		}}},
		{"an event set is paused", "manually_paused", Warn, setup{change: func(_ *testing.T, o *Options) {
			o.Running = Running{Up: true, Lanes: []Lane{{ID: "701", State: "manually_paused", Headline: "Paused", Todo: "Resume it.", Pending: 3}}}
		}}},
		{"the running relay has no token", "no_token", Fail, setup{change: func(_ *testing.T, o *Options) {
			o.Running = Running{Up: true, Lanes: []Lane{{ID: "701", State: "no_token", Headline: "No access token", Todo: "Put it there."}}}
		}}},
		{"running", "running", OK, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Up: true} }}},
		{"port busy", "port_busy", Fail, setup{config: "listen: " + busy.Addr().String() + "\n"}},
		{"address of another machine", "cannot_listen", Fail, setup{config: "listen: 192.0.2.1:8585\nauth: { write_keys: [fake-key] }\n"}},

		{"app secret file missing", "unreadable", Fail, setup{change: func(t *testing.T, o *Options) {
			o.Config.Graph.AppSecretFile = filepath.Join(t.TempDir(), "absent")
		}}},
		{"token file missing", "token_file_missing", Fail, setup{change: func(_ *testing.T, o *Options) {
			o.Config.Graph.AccessToken, o.Config.Graph.AccessTokenLack = config.Secret{}, config.FileMissing
		}}},
		{"token file malformed", "token_file_malformed", Fail, setup{change: func(_ *testing.T, o *Options) {
			g := &o.Config.Graph
			g.AccessToken, g.AccessTokenLack, g.AccessTokenFlaw = config.Secret{}, config.FileMalformed, "it is in quotes; remove them"
		}}},
		{"token with an invisible character", "token_malformed", Fail, setup{change: func(_ *testing.T, o *Options) {
			o.Config.Graph.AccessToken = config.NewSecret("EAA\u200bfake")
		}}},
		{"secret missing", "secret_missing", Warn, setup{change: func(_ *testing.T, o *Options) { o.Receipts = Receipts{Kept: true, Secret: fs.ErrNotExist} }}},
		{"secret damaged", "secret_unusable", Fail, setup{change: func(_ *testing.T, o *Options) { o.Receipts = Receipts{Secret: errors.New("damaged")} }}},
		{"secret replaced", "secret_replaced", Warn, setup{change: func(_ *testing.T, o *Options) { o.Receipts = Receipts{Kept: true, Unsearched: 3} }}},
		{"queue readable", "queue_readable", Warn, setup{change: func(t *testing.T, o *Options) { mkdir(t, o.Config.Queue.Path, 0o755) }}},
		{"key readable", "secret_readable", Warn, setup{change: func(t *testing.T, o *Options) {
			dir := t.TempDir()
			o.Config.Queue.EncryptionKey = filepath.Join(dir, "key")
			if err := os.WriteFile(o.Config.Queue.EncryptionKey, []byte("k"), 0o644); err != nil {
				t.Fatal(err)
			}
			// What lets others come here, and read it.
			if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(o.Config.Queue.EncryptionKey, 0o644)); err != nil {
				t.Fatal(err)
			}
		}}},
		{"certificate good", "certificate", OK, setup{change: certificateAt(0)}},
		{"certificate runs out", "certificate_expires", Warn, setup{change: certificateAt(20 * 24 * time.Hour)}},
		{"certificate ran out", "certificate_expired", Fail, setup{change: certificateAt(31 * 24 * time.Hour)}},
		{"certificate of tomorrow", "certificate_early", Fail, setup{change: certificateAt(-48 * time.Hour)}},
		{"certificate without key", "certificate_unusable", Fail, setup{change: func(t *testing.T, o *Options) {
			certificateAt(0)(t, o)
			o.Config.TLS.Key = o.Config.TLS.Cert
		}}},
		{"root", "root", Note, setup{change: func(_ *testing.T, o *Options) { o.uid = func() int { return 0 } }}},

		{"queue is a file", "not_a_directory", Fail, setup{change: func(_ *testing.T, o *Options) { o.Config.Queue.Path = o.Config.Mapping }}},
		{"queue unwritable", "unwritable", Fail, setup{config: "queue: { path: /proc/relay }\n"}},
		{"queue full", "full", Fail, setup{change: failingWrites(&os.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC})}},
		{"queue read-only", "read_only", Fail, setup{change: failingWrites(syscall.EROFS)}},
		{"disk fails", "failing", Fail, setup{change: failingWrites(syscall.EIO)}},
		{"disk hangs", "hanging", Fail, setup{change: func(t *testing.T, o *Options) {
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			o.patience = time.Millisecond
			o.write = func(string) error { <-end; return nil }
		}}},
		{"damaged files", "damaged", Warn, setup{change: func(t *testing.T, o *Options) {
			mkdir(t, o.Config.Queue.Path, 0o700)
			if err := os.WriteFile(filepath.Join(o.Config.Queue.Path, "dead.db.bad"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}}},
		{"events lost", "damaged", Warn, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Up: true, Lost: 3} }}},
		{"cursors rebuilt", "rebuilt", Warn, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Up: true, Rebuilt: true} }}},
		{"events dropped", "dropped", Warn, setup{change: func(_ *testing.T, o *Options) { o.Running = Running{Up: true, Dropped: 3} }}},
		{"max_size too large", "max_size", Fail, setup{config: "queue: { max_size: 4000TiB }\n"}},
		{"in memory", "memory", Fail, setup{config: "queue: { path: /dev/shm/relay-doctor-test }\n"}},

		{"watching off", "off", Note, setup{config: "watch: { mode: off }\n"}},
		{"polling", "poll", OK, setup{config: "watch: { mode: poll }\n"}},
		{"watching", "watch", OK, setup{}},
		{"inotify used up", "inotify", Warn, setup{change: func(_ *testing.T, o *Options) {
			o.watch = func(string) error { return errors.New("too many open files") }
		}}},
		{"inotify limit low", "inotify_limit", Warn, setup{change: func(t *testing.T, o *Options) {
			o.proc = proc
			mkdir(t, filepath.Join(proc, "sys/fs/inotify"), 0o755)
			if err := os.WriteFile(filepath.Join(proc, "sys/fs/inotify/max_user_instances"), []byte("8\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}}},
		{"mounted alone", "mounted_file", Warn, setup{change: func(t *testing.T, o *Options) {
			o.proc = proc
			mkdir(t, filepath.Join(proc, "self"), 0o755)
			line := "36 35 98:0 /m.yaml " + o.Config.Mapping + " rw,noatime - ext4 /dev/sda1 rw\n"
			if err := os.WriteFile(filepath.Join(proc, "self/mountinfo"), []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS != "linux" && slices.Contains([]string{"memory", "unwritable"}, c.code) {
				note([]Finding{{Code: c.code}})
				t.Skip("needs Linux")
			}
			got := c.setup.examine(t)
			if c.code == "space" && slices.ContainsFunc(got, func(f Finding) bool { return f.Code == "low_space" }) {
				note([]Finding{{Code: c.code}})
				t.Skip("the disk of this machine is nearly full")
			}
			f := want(t, got, c.code, c.level)
			if c.level == Fail && (f.Fix == "" || f.Who == "") {
				t.Errorf("a failure without fix or addressee: %+v", f)
			}
			if s := printed(got); strings.Contains(s, fakeToken) || strings.Contains(s, "s3cret") {
				t.Errorf("a secret is shown:\n%s", s)
			}
		})
	}
	t.Run("disks", testDisks)
	t.Run("hubs", testHubs)
	t.Run("servers", testServers)
	t.Run("all codes", allCodes)
}

// A full queue says what fills it.
func TestFilled(t *testing.T) {
	still := Lane{ID: "701", State: "paused_permission", Headline: "Not allowed", Pending: 300}
	busy := Lane{ID: "702", State: "sending", Headline: "Sending", Pending: 20}
	for _, c := range []struct {
		r         Running
		text, fix string
	}{
		{Running{Full: "max_size", Pending: 320, Dead: 4, Lanes: []Lane{busy, still}}, "4 dead letters; 320 events are waiting. Most are waiting for event set 701: Not allowed.", "relay lane drop 701"},
		{Running{Full: "max_size", Pending: 20, Lanes: []Lane{busy}}, "Most are waiting for event set 702: Sending.", "raise queue.max_size"},
		{Running{Full: "max_size", Dead: 900, Lanes: []Lane{{ID: "701"}}}, "900 dead letters", "drop dead letters"},
		{Running{Full: "disk_full", Lanes: []Lane{still}}, "", "Free space"},
	} {
		if text, fix := fullQueue(c.r); !strings.Contains(text, c.text) || !strings.Contains(fix, c.fix) {
			t.Errorf("%+v: %q, %q", c.r, text, fix)
		}
	}
}

// The states in which an event set stands still are those that package advice
// knows.
func TestStandingStates(t *testing.T) {
	for s := range stoppedStates {
		if headline, _ := advice.ForState(advice.Lane{State: s}); headline == strings.ReplaceAll(s, "_", " ") {
			t.Errorf("%s is no state", s)
		}
	}
}

// testDisks judges volumes that a test machine does not have.
func testDisks(t *testing.T) {
	cfg := config.Default(t.TempDir())
	judge := func(do func(*exam)) (got []Finding) {
		e := &exam{Options: Options{Config: cfg, Now: time.Now, Emit: func(f Finding) { got = append(got, f) }}}
		do(e)
		return got
	}
	volumes := func(v disk.Volume) func(*exam) { return func(e *exam) { e.judgeSpace("/data", v) } }
	roomy := disk.Volume{Size: 1 << 40, Free: 1 << 39}
	kind := func(k string) disk.Volume { v := roomy; v.Kind = k; return v }
	want(t, judge(volumes(kind("nfs"))), "network_disk", Warn)
	want(t, judge(volumes(kind("overlay"))), "container_layer", Warn)
	want(t, judge(volumes(disk.Volume{Size: 1 << 40, Free: 1 << 30})), "low_space", Warn)
	want(t, judge(volumes(disk.Volume{Size: 1 << 40, Free: 1 << 39, Files: 1 << 20, FreeFiles: 12})), "low_inodes", Warn)
	want(t, judge(func(e *exam) { e.space(filepath.Join(t.TempDir(), "nothing")) }), "space_unknown", Note)
	want(t, judge(func(e *exam) { e.speed(filepath.Join(t.TempDir(), "nothing")) }), "sync_failed", Fail)
	want(t, judge(func(e *exam) { e.judgeSpeed([]time.Duration{60 * time.Millisecond}) }), "slow", Warn)
	want(t, judge(func(e *exam) { e.judgeSpeed([]time.Duration{11 * time.Second}) }), "hanging", Fail)
}

// allCodes fails when the source has a code that no test has provoked.
func allCodes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`Code(?:: |(?:, f\.\w+)* = )"(\w+)"|f\.Check, f\.Code, [^=]* = "\w+", "(\w+)"`)
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range form.FindAllStringSubmatch(string(src), -1) {
			code := m[1] + m[2]
			n++
			if !seen.codes[code] {
				t.Errorf("%s: nothing provokes the finding %q: add a row to TestFindings, or to testDisks, testHubs or testServers", file, code)
			}
		}
	}
	if n < 40 {
		t.Errorf("found only %d codes in the source: the pattern is wrong", n)
	}
}

// A certificate authority of the shop's own, in graph.ca_file, is trusted.
func TestCAFile(t *testing.T) {
	sb, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(sb)
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	got := setup{graph: "  endpoint: " + srv.URL + "\n  ca_file: " + file + "\n"}.examine(t)
	want(t, got, "reached", OK)
}

// The doctor leaves nothing behind, and a cancelled one ends.
func TestChangesNothing(t *testing.T) {
	var dir string
	setup{change: func(t *testing.T, o *Options) {
		mkdir(t, o.Config.Queue.Path, 0o700)
		dir = o.Config.Queue.Path
	}}.examine(t)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat("/dev/shm/relay-doctor-test"); err == nil {
		t.Error("the queue's directory was made")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got []Finding
	cfg := config.Default(t.TempDir())
	m, _, err := mapper.Parse("m", []byte("version: 1\nevents: { A: \"701\" }\n"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := graph.New(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	Run(ctx, Options{Config: cfg, Mapping: m, Client: client, Warnings: []strictyaml.Problem{}, Emit: func(f Finding) { got = append(got, f) }})
	if len(got) == 0 {
		t.Error("nothing was looked at")
	}
}

func mkdir(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(dir, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}
