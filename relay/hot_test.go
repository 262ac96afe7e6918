package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"relay/relay/internal/api"
	"relay/relay/internal/sandbox"
)

var nextPort atomic.Int64

// freeAddr is a loopback address that nobody listens on now, and that no test gets by
// asking for port 0: those lie above.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprint("127.0.0.1:", 10_000+(int64(os.Getpid())*31+nextPort.Add(1))%20_000)
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// status asks a running relay.
func (p *process) status(t *testing.T) api.Status {
	t.Helper()
	resp, err := http.Get(p.admin + "/api/v1/status") //nolint:noctx // a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var st api.Status
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		t.Fatal(err)
	}
	return st
}

func (p *process) laneState(t *testing.T) string {
	t.Helper()
	for _, l := range p.status(t).Lanes {
		if l.Pending > 0 {
			return l.State
		}
	}
	return ""
}

// hotHome is a relay whose config is made of the values a test changes.
type hotHome struct {
	home
	graph, admin string
	watch        string
	rate, batch  string
	level        string
	dry          bool
}

func (h hotHome) save(t *testing.T) {
	t.Helper()
	h.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token_file: token, dry_run: %t }
rate: { requests_per_second: %s, burst: 1 }
batch: { max_wait: 10ms, max_events: %s }
retry: { min_interval: 20ms, max_interval: 100ms }
log: { level: %s }
watch: { mode: %s }
`, h.admin, h.graph, h.dry, h.rate, h.batch, h.level, h.watch))
}

// TestHotKeys changes every kind of hot key of a running relay in each of the
// four ways, and sees what relay does then.
func TestHotKeys(t *testing.T) {
	for name, apply := range map[string]func(*testing.T, hotHome, *process){
		"save": func(*testing.T, hotHome, *process) {},
		"hangup": func(t *testing.T, _ hotHome, p *process) {
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		},
		"api": func(t *testing.T, _ hotHome, p *process) {
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://relay/api/v1/reload", nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("X-Relay", "1")
			resp, err := p.control().Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var r api.ReloadResult
			if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || resp.StatusCode != http.StatusOK || !r.Success || len(r.Changed) == 0 {
				t.Errorf("reload: %d %+v, %v", resp.StatusCode, r, err)
			}
		},
		"command": func(t *testing.T, h hotHome, _ *process) {
			out, err := relayCommand(t.Context(), "reload", "--config", h.path("relay.yaml")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "reloaded: ") {
				t.Errorf("relay reload: %v\n%s", err, out)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "hangup" && runtime.GOOS == "windows" {
				t.Skip("no SIGHUP there")
			}
			testHotKeys(t, name, apply)
		})
	}
}

func testHotKeys(t *testing.T, name string, apply func(*testing.T, hotHome, *process)) {
	sb, addr := startSandbox(t, sandbox.Options{Tokens: map[string]sandbox.TokenState{"EAAB-good": sandbox.TokenOK}})
	h := hotHome{home: home{dir: t.TempDir()}, graph: addr, admin: freeAddr(t), watch: "off", rate: "50", batch: "1000", level: "info"}
	if name == "save" {
		h.watch = "auto"
	}
	h.save(t)
	h.write(t, "mapping.yaml", testMapping)
	h.write(t, "token", "EAAB-bad")
	p := h.start(t)
	n := 0
	send := func(k int) {
		t.Helper()
		for range k {
			n++
			if status, body := post(t, p.url+"/v1/track", order(fmt.Sprintf("%s-%d", name, n))); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
		}
	}
	delivered := func() {
		t.Helper()
		eventually(t, fmt.Sprintf("%d are delivered", n), func() bool { return sb.Stats().Unique == n })
	}

	send(1)
	eventually(t, "the bad token pauses the lane", func() bool { return p.laneState(t) == "paused_token" })
	h.write(t, "token", "EAAB-good\n")
	apply(t, h, p)
	delivered()

	h.rate, h.batch = "0", "1"
	h.save(t)
	apply(t, h, p)
	eventually(t, "rate 0 is in force", func() bool { return strings.Count(p.log.String(), `"code":"config_loaded"`) >= 2 })
	send(3)
	eventually(t, "rate 0 holds the lane", func() bool { return p.laneState(t) == "rate_limited" })
	h.rate = "50"
	calls := sb.Stats().Accepted
	h.save(t)
	apply(t, h, p)
	delivered()
	if got := sb.Stats().Accepted - calls; got != 3 {
		t.Errorf("with batch.max_events 1, 3 events went out in %d requests", got)
	}

	h.level = "debug"
	h.save(t)
	apply(t, h, p)
	eventually(t, "debug lines are logged", func() bool {
		send(1)
		return strings.Contains(p.log.String(), `"code":"request"`)
	})
	delivered()

	h.dry = true
	h.save(t)
	apply(t, h, p)
	eventually(t, "dry run is in force", func() bool { return strings.Count(p.log.String(), `"code":"config_loaded"`) >= 5 })
	send(1)
	eventually(t, "a dry run keeps events", func() bool { return p.laneState(t) == "dry_run" })
	h.dry = false
	h.save(t)
	apply(t, h, p)
	delivered()

	before := p.status(t).Mapping.Digest
	h.write(t, "mapping.yaml", strings.ReplaceAll(testMapping, "701000000000001", "702000000000002"))
	apply(t, h, p)
	eventually(t, "the new mapping is in force", func() bool { return p.status(t).Mapping.Digest != before })
	send(1)
	delivered()
	if got := sb.Stats().BySet["702000000000002"]; got != 1 {
		t.Errorf("%d events went to the new event set", got)
	}
	p.stop(t)
}

// A mapping that does not check out changes nothing, also over a restart; one
// that is deleted stays in force, and comes back when the file does.
func TestBrokenAndDeletedMapping(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)
	p := h.start(t)
	good := p.status(t).Mapping.Digest
	h.write(t, "mapping.yaml", testMapping+"evnts: {}\n")
	eventually(t, "the mapping is refused", func() bool { return p.status(t).Mapping.Refused != nil })
	st := p.status(t).Mapping
	if st.OK || st.Digest != good || len(st.Refused.Problems) != 1 || st.Refused.Problems[0].Line != 6 || st.Refused.Problems[0].Column != 1 {
		t.Errorf("%+v %+v", st, st.Refused)
	}
	p.stop(t)

	p = h.start(t)
	if st = p.status(t).Mapping; st.Digest != good || !st.FromStore || st.OK || st.Refused == nil {
		t.Errorf("after a restart with the broken file: %+v", st)
	}
	if status, body := post(t, p.url+"/v1/track", order("a")); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "the last good mapping delivers", func() bool { return sb.Stats().Unique == 1 })

	if err := os.Remove(h.path("mapping.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion is noticed", func() bool { return strings.Contains(p.log.String(), "mapping_gone") })
	h.write(t, "mapping.yaml", testMapping)
	eventually(t, "the mapping is good again", func() bool { st := p.status(t).Mapping; return st.OK && st.Refused == nil && st.Digest == good })
	p.stop(t)
}

// TestMappingSaves saves the mapping again and again in the ways of editors and
// of Kubernetes. Each save is put in force once.
func TestMappingSaves(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	rounds := 4
	if os.Getenv("RELAY_EXAM") != "" {
		rounds = 50
	}
	text := func(i int) string { return testMapping + fmt.Sprintf("upload_tag: tag-%d\n", i) }
	for name, c := range map[string]struct {
		file string // of the mapping, below the home
		save func(t *testing.T, dir string, i int)
	}{
		"in place": {"mapping.yaml", func(t *testing.T, dir string, i int) {
			if err := os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(text(i)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"rename": {"mapping.yaml", func(t *testing.T, dir string, i int) {
			side := filepath.Join(dir, ".mapping.tmp")
			if err := os.WriteFile(side, []byte(text(i)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(side, filepath.Join(dir, "mapping.yaml")); err != nil {
				t.Fatal(err)
			}
		}},
		"vim": {"mapping.yaml", func(t *testing.T, dir string, i int) {
			vim, err := exec.LookPath("vim")
			if err != nil {
				t.Skip("no vim here")
			}
			file := filepath.Join(dir, "mapping.yaml")
			c := exec.CommandContext(t.Context(), vim, "-N", "-u", "NONE", "-es", "-c", "set backup writebackup",
				"-c", fmt.Sprintf(`%%s/upload_tag: tag-\d*/upload_tag: tag-%d/`, i), "-c", "wq", file)
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("vim: %v\n%s", err, out)
			}
		}},
		"config map": {"mounted/mapping.yaml", func(t *testing.T, dir string, i int) {
			mounted := filepath.Join(dir, "mounted")
			version := fmt.Sprintf("..version-%d", i)
			old, _ := os.Readlink(filepath.Join(mounted, "..data"))
			if err := os.MkdirAll(filepath.Join(mounted, version), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(mounted, version, "mapping.yaml"), []byte(text(i)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(version, filepath.Join(mounted, "..data_tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(mounted, "..data_tmp"), filepath.Join(mounted, "..data")); err != nil {
				t.Fatal(err)
			}
			if old == "" {
				if err := os.Symlink("..data/mapping.yaml", filepath.Join(mounted, "mapping.yaml")); err != nil {
					t.Fatal(err)
				}
			} else if err := os.RemoveAll(filepath.Join(mounted, old)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && name == "config map" {
				t.Skip("Kubernetes nodes with links only")
			}
			h := newHome(t, strings.Replace(testConfig("127.0.0.1:1", ""), "mapping: mapping.yaml", "mapping: "+c.file, 1), text(0))
			if c.file != "mapping.yaml" {
				c.save(t, h.dir, 0)
			}
			p := h.start(t)
			digest := p.status(t).Mapping.Digest
			var worst time.Duration
			for i := 1; i <= rounds; i++ {
				c.save(t, h.dir, i)
				saved := time.Now()
				eventually(t, "the save is in force", func() bool {
					m := p.status(t).Mapping
					if m.Digest == digest {
						return false
					}
					digest = m.Digest
					return true
				})
				worst = max(worst, time.Since(saved))
			}
			p.stop(t)
			if got := bytes.Count([]byte(p.log.String()), []byte(`"code":"mapping_loaded"`)); got != rounds {
				t.Errorf("%d saves were put in force %d times", rounds, got)
			}
			if strings.Contains(p.log.String(), "mapping_refused") || strings.Contains(p.log.String(), "mapping_gone") {
				t.Errorf("a save was half read:\n%s", p.log)
			}
			t.Logf("%d saves, the slowest was in force after %v", rounds, worst.Round(time.Millisecond))
		})
	}
}
