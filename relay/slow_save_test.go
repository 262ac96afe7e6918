package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
	"relay/relay/internal/sidecar"
)

// slowMapping has several events, so that its beginning is a mapping too.
func slowMapping(events int) (text string, pieces []string) {
	pieces = []string{"version: 1\ndefault_country: US\ndefault_currency: USD\nevents:\n  Order Completed: \"701000000000001\"\n"}
	for i := range events {
		pieces = append(pieces, fmt.Sprintf("  Sale %d: \"701000000000001\"\n", i))
	}
	return strings.Join(pieces, ""), pieces
}

// A mapping that is written in pieces, with pauses, never takes force before it is
// whole: no event that comes meanwhile loses its way.
func TestSlowSaves(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	_, pieces := slowMapping(4)
	for name, c := range map[string]struct {
		pause time.Duration
		save  func(t *testing.T, dir, text string)
	}{
		"in place, 120 ms": {120 * time.Millisecond, saveInPlace},
		"in place, 500 ms": {500 * time.Millisecond, saveInPlace},
		"in place, 1.5 s":  {1500 * time.Millisecond, saveInPlace},
		"rename, 500 ms":   {500 * time.Millisecond, saveByRename},
		"link, 500 ms":     {500 * time.Millisecond, saveByLink},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, _ := slowMapping(4)
			h := newHome(t, testConfig("127.0.0.1:1", ""), text)
			p := h.start(t)
			before := p.status(t).Mapping
			written := ""
			for _, piece := range append(pieces, "upload_tag: shop\n") {
				written += piece
				c.save(t, h.dir, written)
				saved := time.Now()
				for time.Since(saved) < c.pause {
					time.Sleep(20 * time.Millisecond)
					m := p.status(t).Mapping
					if time.Since(saved) > sidecar.QuietPeriod {
						t.Skip("the machine is too busy: the writer paused for longer than relay waits")
					}
					if m.Digest != before.Digest || m.Refused != nil || !m.OK {
						t.Fatalf("half a file is in force, or refused: %+v", m)
					}
				}
			}
			eventually(t, "the whole file is in force", func() bool { return p.status(t).Mapping.Digest != before.Digest })
			p.stop(t)
			if n := strings.Count(p.log.String(), `"code":"mapping_loaded"`); n != 1 || strings.Contains(p.log.String(), "mapping_refused") {
				t.Errorf("put in force %d times:\n%s", n, p.log)
			}
		})
	}
}

func saveInPlace(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func saveByRename(t *testing.T, dir, text string) {
	t.Helper()
	side := filepath.Join(dir, ".mapping.tmp")
	if err := os.WriteFile(side, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(side, filepath.Join(dir, "mapping.yaml")); err != nil {
		t.Fatal(err)
	}
}

// saveByLink swaps a link to a directory, as Kubernetes does.
func saveByLink(t *testing.T, dir, text string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Kubernetes nodes with links only")
	}
	version := filepath.Join(dir, fmt.Sprintf("..version-%d", len(text)))
	if err := os.Mkdir(version, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(version, "mapping.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{filepath.Base(version), "..data"}, {"..data/mapping.yaml", "mapping.yaml"}} {
		if err := os.Symlink(link[0], filepath.Join(dir, "tmp-link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "tmp-link"), filepath.Join(dir, link[1])); err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody asks for is done at once, with what the file holds then; and a file
// that goes back afterwards is a change.
func TestReloadWaitsForNoFile(t *testing.T) {
	_, addr := startSandbox(t, sandbox.Options{})
	long, _ := slowMapping(3)
	h := newHome(t, testConfig(addr, ""), long)
	p := h.start(t)
	before := p.status(t).Mapping.Digest
	short, _ := slowMapping(1)
	h.write(t, "mapping.yaml", short)
	if out, code := h.command(t, "reload", "--config", h.path("relay.yaml")); code != exit.OK {
		t.Fatalf("%d %s", code, out)
	}
	if p.status(t).Mapping.Digest == before {
		t.Error("a reload waited")
	}
	h.write(t, "mapping.yaml", long)
	eventually(t, "the old file is in force again", func() bool { return p.status(t).Mapping.Digest == before })
	p.stop(t)
}

// relay.yaml is not read while it is being written, whatever else changes: half of
// it has no write keys.
func TestHalfConfigIsNotRead(t *testing.T) {
	t.Parallel()
	text, _ := slowMapping(1)
	conf := testConfig("127.0.0.1:1", "log: { level: debug }\nauth: { write_keys: [\"${file:key}\"] }\n")
	h := newHome(t, conf, text)
	h.write(t, "key", "first-key\n")
	p := h.start(t)
	for i := range 8 {
		h.write(t, "relay.yaml", testConfig("127.0.0.1:1", strings.Repeat("# saved slowly\n", i)))
		if i == 2 {
			h.write(t, "key", "second-key\n")
		}
		for end := time.Now().Add(250 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if status, _ := post(t, p.url+"/v1/track", order("a")); status != 401 {
				t.Fatalf("answered %d without a write key", status)
			}
		}
	}
	h.write(t, "relay.yaml", conf)
	if out, code := h.command(t, "reload", "--config", h.path("relay.yaml")); code != exit.OK {
		t.Fatalf("%d %s", code, out)
	}
	p.stop(t)
}

// A file that never gets still is said in log and status.
func TestRestlessMappingIsSaid(t *testing.T) {
	t.Parallel()
	text, _ := slowMapping(2)
	h := newHome(t, testConfig("127.0.0.1:1", ""), text)
	p := h.start(t)
	i := 0
	eventually(t, "status says that the file is written again and again", func() bool {
		if i++; i%10 == 1 {
			h.write(t, "mapping.yaml", text+fmt.Sprintf("upload_tag: tag-%d\n", i))
		}
		r := p.status(t).Mapping.Restless
		if r == nil || r.File != h.path("mapping.yaml") {
			return false
		}
		h.write(t, "mapping.yaml", text+fmt.Sprintf("upload_tag: last-%d\n", i)) // while the command is asked
		out, _ := h.command(t, "status", "--config", h.path("relay.yaml"))
		return strings.Contains(out, "keeps changing")
	})
	eventually(t, "the file is taken once it is still", func() bool {
		return p.status(t).Mapping.Restless == nil && strings.Contains(p.log.String(), `"code":"mapping_loaded"`)
	})
	p.stop(t)
	if n := strings.Count(p.log.String(), `"code":"file_restless"`); n != 1 {
		t.Errorf("said %d times", n)
	}
}
