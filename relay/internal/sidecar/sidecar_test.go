package sidecar

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/config"
	"relay/relay/internal/exit"
)

const (
	testConfig = `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://127.0.0.1:1", access_token: test-token }
rate: { burst: 5 }
`
	testMapping = "version: 1\nevents: { Order Completed: \"701000000000001\" }\ndefault_currency: USD\n"
)

// shop is a directory with the files of a relay.
type shop struct{ dir string }

func newShop(t *testing.T, config, mapping string) shop {
	t.Helper()
	d := shop{t.TempDir()}
	d.write(t, "relay.yaml", config)
	d.write(t, "mapping.yaml", mapping)
	return d
}

func (d shop) path(name string) string { return filepath.Join(d.dir, name) }

func (d shop) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d shop) open(t *testing.T) (*Sidecar, error) {
	t.Helper()
	cfg, _, err := config.Load(d.path("relay.yaml"), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Open(cfg, slog.New(slog.DiscardHandler), new(slog.LevelVar))
}

// opened is a relay that is open until the test ends.
func (d shop) opened(t *testing.T) *Sidecar {
	t.Helper()
	s, err := d.open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

// A failed Open leaves nothing open: with the cause removed, a relay opens in the same
// directory and on the same addresses at once.
func TestFailedOpenClosesEverything(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	for name, c := range map[string]struct {
		from, to string
		file     string // made before
		text     string
		code     int
		want     string
	}{
		"key":          {"segment_size: 1MiB", "segment_size: 1MiB, encryption_key: key", "key", "no key", exit.Config, "queue.encryption_key"},
		"mapping":      {"mapping: mapping.yaml", "mapping: broken.yaml", "broken.yaml", "version: 1\nevent: {}\n", exit.Config, "broken.yaml:2:1"},
		"intake":       {"listen: 127.0.0.1:0\nadmin", "listen: " + at + "\nadmin", "", "", exit.Later, "listen: another program is already using " + at},
		"certificate":  {"graph:", "tls: { cert: cert.pem, key: cert.pem }\ngraph:", "cert.pem", "no certificate", exit.Config, "tls.cert"},
		"spool":        {"graph:", "spool: drop\ngraph:", "drop", "a file", exit.Config, "drop"},
		"admin":        {"admin: { listen: 127.0.0.1:0 }", "admin: { listen: " + at + " }", "", "", exit.Later, "admin.listen: another program is already using " + at},
		"health":       {"graph:", "health: { listen: " + at + " }\ngraph:", "", "", exit.Later, "health.listen: another program is already using " + at},
		"socket group": {"admin: { listen: 127.0.0.1:0 }", "admin: { listen: 127.0.0.1:0, socket: { path: here.sock, group: no-such-group-here } }", "", "", exit.Config, "no-such-group-here"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(testConfig, c.from, c.to, 1)
			if bad == testConfig {
				t.Fatal("the case changes nothing")
			}
			d := newShop(t, bad, testMapping)
			if c.file != "" {
				d.write(t, c.file, c.text)
			}
			s, err := d.open(t)
			if err == nil {
				_ = s.close()
				t.Fatal("the relay opened")
			}
			if exit.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("exit code %d, want %d: %v", exit.Code(err), c.code, err)
			}
			d.write(t, "relay.yaml", testConfig)
			d.opened(t)
		})
	}
}

// A stop closes everything: another relay opens in the same directory and on the same
// address at once.
func TestRunCloses(t *testing.T) {
	t.Parallel()
	d := newShop(t, testConfig, testMapping)
	s := d.opened(t)
	addr := s.Addr()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	d.write(t, "relay.yaml", strings.Replace(testConfig, "listen: 127.0.0.1:0", "listen: "+addr, 1))
	d.opened(t)
}

// A reload takes over the keys that are live. The others keep their value in every part of
// relay, and are reported until they are taken back or relay starts again.
func TestReloadConfig(t *testing.T) {
	t.Parallel()
	d := newShop(t, testConfig, testMapping)
	s := d.opened(t)
	inForce := func(what string, burst int, maxAge, keepUnmapped time.Duration) {
		t.Helper()
		o := drainSettings(s.settings.Load())
		if o.Burst != burst || o.KeepUnmapped != keepUnmapped || s.drain.Foresight().MaxAge != maxAge || s.settings.Load().Dir() != d.path("data") {
			t.Errorf("%s: burst %d, max_age %s, keep_unmapped %s, queue in %s", what, o.Burst, s.drain.Foresight().MaxAge, o.KeepUnmapped, s.settings.Load().Dir())
		}
	}
	const maxAge, keepUnmapped = 62 * 24 * time.Hour, 24 * time.Hour
	inForce("at the start", 5, maxAge, keepUnmapped)

	changed := strings.NewReplacer("burst: 5", "burst: 6", "path: data,", "path: other, max_age: 7d, keep_unmapped: 1h,").Replace(testConfig)
	d.write(t, "relay.yaml", changed)
	cold := []string{"queue.path", "queue.max_age", "queue.keep_unmapped"}
	r := s.Reload(t.Context())
	if !r.Success || !slices.Equal(r.Changed, []string{"rate.burst"}) || !equalSets(r.NeedRestart, cold) {
		t.Errorf("%+v", r)
	}
	inForce("reloaded", 6, maxAge, keepUnmapped)
	if st := s.confState.Load(); !st.OK || !equalSets(st.NeedRestart, cold) {
		t.Errorf("%+v", st)
	}
	if r := s.Reload(t.Context()); !r.Success || len(r.Changed) > 0 || !equalSets(r.NeedRestart, cold) {
		t.Errorf("again: %+v", r)
	}

	d.write(t, "relay.yaml", changed+"nonsense: 1\n")
	if r := s.Reload(t.Context()); r.Success || r.Code != "config_refused" || len(r.Problems) != 1 || len(r.Changed) > 0 {
		t.Errorf("a mistake: %+v", r)
	}
	inForce("refused", 6, maxAge, keepUnmapped)
	if st := s.confState.Load(); st.OK || st.Refused == nil || !equalSets(st.NeedRestart, cold) {
		t.Errorf("refused: %+v", st)
	}

	d.write(t, "relay.yaml", testConfig)
	if r := s.Reload(t.Context()); !r.Success || !slices.Equal(r.Changed, []string{"rate.burst"}) || len(r.NeedRestart) > 0 {
		t.Errorf("taken back: %+v", r)
	}
	inForce("taken back", 5, maxAge, keepUnmapped)
}

func equalSets(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// A mapping under another name is loaded by the same reload. A relay that is to forward after
// its next start keeps its mapping until then.
func TestReloadMappingPath(t *testing.T) {
	t.Parallel()
	d := newShop(t, testConfig, testMapping)
	s := d.opened(t)
	first := s.Mapping().Digest()
	d.write(t, "second.yaml", strings.Replace(testMapping, "USD", "EUR", 1))
	d.write(t, "relay.yaml", strings.Replace(testConfig, "mapping.yaml", "second.yaml", 1))
	r := s.Reload(t.Context())
	second := s.Mapping().Digest()
	if !r.Success || !slices.Equal(r.Changed, []string{"mapping"}) || second == first || r.Digest != second {
		t.Errorf("%+v, mapping %s, before %s", r, second, first)
	}
	d.write(t, "relay.yaml", strings.Replace(strings.Replace(testConfig, "mapping: mapping.yaml", "forward: { url: https://hub.example.com, key: k }", 1), "graph: { endpoint: \"http://127.0.0.1:1\", access_token: test-token }\n", "", 1))
	if r := s.Reload(t.Context()); !r.Success || !slices.Contains(r.NeedRestart, "forward.url") || slices.Contains(r.Changed, "mapping") || s.Mapping().Digest() != second {
		t.Errorf("to forward: %+v, mapping %s", r, s.Mapping().Digest())
	}
	if got := s.mapping.path(); got != d.path("second.yaml") {
		t.Errorf("the mapping in use is %s", got)
	}
}
