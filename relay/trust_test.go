//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/relay/internal/exit"
)

const trustConfig = `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://127.0.0.1:1", access_token_file: token }
auth: { write_keys: ["${file:write-key}"] }
watch: { poll: 1s }
`

// TestFilesAnyUserMayWrite: relay obeys no file that any user of the machine may
// write. At its start it says which, with the command that ends it (78); while it
// runs the last good one stays.
func TestFilesAnyUserMayWrite(t *testing.T) {
	fresh := func(t *testing.T) home {
		h := newHome(t, trustConfig, testMapping)
		h.write(t, "token", "EAAB-test")
		h.write(t, "write-key", "a-key")
		return h
	}
	chmod := func(t *testing.T, mode os.FileMode, path string) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"relay.yaml", "mapping.yaml", "token", "write-key", "."} {
		t.Run("start/"+file, func(t *testing.T) {
			t.Parallel()
			h := fresh(t)
			chmod(t, 0o777, h.path(file))
			for _, command := range []string{"run", "check"} {
				out, code := h.command(t, command, "--config", h.path("relay.yaml"))
				if fix := "chmod o-w " + strings.TrimSuffix(h.path(file), "/."); code != exit.Config || !strings.Contains(out, fix) {
					t.Errorf("relay %s: exit %d, without %q:\n%s", command, code, fix, out)
				}
			}
			chmod(t, 0o750, h.path(file))
			if out, code := h.command(t, "check", "--config", h.path("relay.yaml")); code != 0 {
				t.Errorf("after it was fixed: exit %d\n%s", code, out)
			}
		})
	}
	t.Run("group", func(t *testing.T) {
		t.Parallel()
		h := fresh(t)
		chmod(t, 0o660, h.path("mapping.yaml"))
		if out, code := h.command(t, "check", "--config", h.path("relay.yaml")); code != 0 || !strings.Contains(out, "chmod g-w ") {
			t.Errorf("exit %d\n%s", code, out)
		}
	})
	t.Run("reload", func(t *testing.T) {
		t.Parallel()
		h := fresh(t)
		for _, d := range []string{h.dir, filepath.Dir(h.dir)} {
			chmod(t, 0o755, d) // another user gets there
		}
		p := h.start(t)
		for file, code := range map[string]string{"mapping.yaml": "mapping_refused", "relay.yaml": "config_refused"} {
			chmod(t, 0o666, h.path(file))
			another(t, "printf '\\n# mine\\n' >> "+h.path(file))
			for end := time.Now().Add(30 * time.Second); !strings.Contains(p.log.String(), `"code":"`+code+`"`); {
				if time.Now().After(end) {
					t.Fatalf("%s was changed by another user, and nothing says %s", file, code)
				}
				time.Sleep(50 * time.Millisecond)
			}
			chmod(t, 0o600, h.path(file))
		}
		if !strings.Contains(p.log.String(), "chmod o-w ") {
			t.Error("the log does not say what to do")
		}
		if status, answer := post(t, p.url+"/v1/track", `{"event":"Order Completed","userId":"u"}`); status != 401 && status != 200 {
			t.Errorf("%d %s", status, answer)
		}
		p.stop(t)
	})
}

// another runs a command as another user, where this one is root.
func another(t *testing.T, command string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
