package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// examVolume mounts a file system for a test that takes longer than the ordinary ones, or
// skips the test.
func examVolume(t *testing.T, mount func(dir string) error) string {
	t.Helper()
	if os.Getenv("RELAY_EXAM") == "" {
		t.Skip("RELAY_EXAM is not set")
	}
	return mountVolume(t, mount)
}

// mountVolume mounts a file system, or skips the test.
func mountVolume(t *testing.T, mount func(dir string) error) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Skipf("cannot mount here: %v", err)
	}
	t.Cleanup(func() { _ = systemCommand("umount", "-l", dir) })
	return dir
}

func systemCommand(name string, args ...string) error {
	if out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// onVolume is a relay whose queue lies on the volume.
func onVolume(t *testing.T, vol, graph, more string) home {
	t.Helper()
	config := strings.Replace(testConfig(graph, more), "path: data, segment_size: 1MiB", "path: "+filepath.Join(vol, "queue")+", segment_size: 256KiB, max_size: 32MiB", 1)
	return newHome(t, config, testMapping)
}

// A neighbour takes the last byte, or the last file, of the volume while Meta
// cannot be reached: senders get 429 with Retry-After, health says so, what is
// there is delivered all the same, and intake opens by itself.
func TestNeighbour(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		take    func(dir string, i int) error
	}{
		"bytes": {"size=48m", func(dir string, i int) error {
			return os.WriteFile(filepath.Join(dir, fmt.Sprint("neighbour-", i)), make([]byte, 64<<10), 0o600)
		}},
		"files": {"size=48m,nr_inodes=96", func(dir string, i int) error {
			return os.WriteFile(filepath.Join(dir, fmt.Sprint("neighbour-", i)), nil, 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			vol := examVolume(t, func(dir string) error { return systemCommand("mount", "-t", "tmpfs", "-o", c.options, "tmpfs", dir) })
			sb, addr := startSandbox(t, sandbox.Options{})
			h := onVolume(t, vol, addr, "")
			p := h.start(t)
			n := 0
			send := func() int {
				n++
				status, _ := post(t, p.url+"/v1/track", order(fmt.Sprintf("%s-%d", name, n)))
				if status != http.StatusOK {
					n--
				}
				return status
			}
			for range 200 {
				if s := send(); s != http.StatusOK {
					t.Fatal(s)
				}
			}
			for i := 0; c.take(vol, i) == nil; i++ {
			}
			eventually(t, "senders are asked to wait", func() bool { return send() == http.StatusTooManyRequests })
			if status, body := get(t, p.admin+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "disk_full") {
				t.Errorf("readyz: %d %s", status, body)
			}
			eventually(t, "what is there is delivered", func() bool { return sb.Stats().Unique == n })
			files, err := filepath.Glob(filepath.Join(vol, "neighbour-*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "intake opens by itself", func() bool { return send() == http.StatusOK })
			eventually(t, "all of it is delivered", func() bool { return sb.Stats().Unique == n })
			p.stop(t)
		})
	}
}

// The disk freezes under load: senders get 503 in time, health, metrics and
// status answer meanwhile, and all goes on by itself once it thaws.
func TestFreeze(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	vol := examVolume(t, func(dir string) error {
		for _, c := range [][]string{{"truncate", "-s", "64M", image}, {"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, dir}} {
			if err := systemCommand(c[0], c[1:]...); err != nil {
				return err
			}
		}
		return nil
	})
	sb, addr := startSandbox(t, sandbox.Options{})
	h := onVolume(t, vol, addr, "intake: { append_timeout: 500ms }")
	p := h.start(t)
	acked := map[string]bool{}
	send := func(id string) int {
		status, _ := post(t, p.url+"/v1/track", order(id))
		if status == http.StatusOK {
			acked[id] = true
		}
		return status
	}
	for i := range 50 {
		if s := send(fmt.Sprintf("before-%d", i)); s != http.StatusOK {
			t.Fatal(s)
		}
	}
	if err := systemCommand("fsfreeze", "-f", vol); err != nil {
		t.Fatal(err)
	}
	thaw := func() { _ = systemCommand("fsfreeze", "-u", vol) }
	t.Cleanup(thaw)
	late := &http.Client{Timeout: 10 * time.Second}
	for i := range 5 {
		if s := send(fmt.Sprintf("frozen-%d", i)); s != http.StatusServiceUnavailable {
			t.Errorf("while the disk is frozen: %d", s)
		}
	}
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/livez": http.StatusOK, "/metrics": http.StatusOK, "/api/v1/status": http.StatusOK} {
		resp, err := late.Get(p.admin + path) //nolint:noctx // a test's own server
		if err != nil {
			t.Errorf("while the disk is frozen: %v", err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("while the disk is frozen: %s answers %d", path, resp.StatusCode)
		}
	}
	thaw()
	eventually(t, "intake goes on by itself", func() bool { return send("after") == http.StatusOK })
	eventually(t, "all of it is delivered", func() bool { return sb.Stats().Unique >= len(acked) })
	p.stop(t)
}

// A forget on a full disk names the disk as the cause, and succeeds once there is space.
func TestForgetOnFullDisk(t *testing.T) {
	vol := mountVolume(t, func(dir string) error { return systemCommand("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", dir) })
	h := onVolume(t, vol, "127.0.0.1:1", "")
	h.write(t, "sales.jsonl", sales(0, 2000))
	if out, code := h.command(t, "import", "sales.jsonl"); code != exit.OK {
		t.Fatalf("import: exit code %d\n%s", code, out)
	}
	neighbour := filepath.Join(vol, "neighbour")
	if err := os.WriteFile(neighbour, make([]byte, 64<<20), 0o600); err == nil {
		t.Fatal("the volume is not full")
	}
	out, code := h.with(t, "o-7\n", "forget")
	for _, want := range []string{"not everything was removed, so relay still has events of this person", "no space left on device", "Free space on the disk; then run the same command again"} {
		if code != exit.Failure || strings.Count(out, "\n") != 1 || !strings.Contains(out, want) {
			t.Errorf("full: exit code %d, no %q in\n%s", code, want, out)
		}
	}
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	if out, code := h.with(t, "o-7\n", "forget"); code != exit.OK || !strings.HasPrefix(out, "1 removed: 1 waiting event\n") {
		t.Errorf("with space: exit code %d\n%s", code, out)
	}
}
