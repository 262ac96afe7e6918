package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/relay/internal/exit"
)

// commandAs runs relay to its end as another user.
func (h home) commandAs(t *testing.T, uid uint32, args ...string) (out string, code int) {
	t.Helper()
	c := relayCommand(t.Context(), args...)
	c.Path = "/proc/self/exe" // the directory of the test binary is closed to other users
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	b, err := c.CombinedOutput()
	return string(b), exitOf(err)
}

// A user who cannot create, open or write the queue gets exit code 77 and a command that
// helps. The command that `relay run` prints makes the start succeed up to the next step.
func TestQueueOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to run relay as another user")
	}
	t.Parallel()
	const nobody = 65534
	h := newHome(t, strings.Replace(testConfig("127.0.0.1:1", ""), "path: data", "path: var/queue", 1), testMapping)
	for _, d := range []string{filepath.Dir(h.dir), h.dir, h.path("var")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
	for _, f := range []string{"relay.yaml", "mapping.yaml"} {
		if err := os.Chmod(h.path(f), 0o644); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
	dir, conf := h.path("var/queue"), h.path("relay.yaml")
	refused := func(what, want string, args ...string) {
		t.Helper()
		if out, code := h.commandAs(t, nobody, append(args, "--config", conf)...); code != exit.Forbidden || !strings.Contains(out, want) {
			t.Errorf("%s: relay %s: exit code %d, no %q in\n%s", what, strings.Join(args, " "), code, want, out)
		}
	}
	refused("no directory", "Fix: sudo install -d -m 700 -o nobody '"+dir+"'", "run")

	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("root's directory", "Fix: sudo chown -R nobody '"+dir+"'", "run")
	refused("root's directory", "Run the command as root (sudo)", "status")
	refused("root's directory", "Run the command as root (sudo)", "lane", "move", "701000000000001", "701000000000002")

	h.write(t, "sales.jsonl", sales(0, 3))
	if out, code := h.command(t, "import", "sales.jsonl"); code != exit.OK {
		t.Fatalf("import: exit code %d\n%s", code, out)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil { // but not the files in it
		t.Fatal(err)
	}
	refused("root's files", "Fix: sudo chown -R nobody '"+dir+"'", "run")
	refused("root's files", "Fix: sudo chown -R nobody '"+dir+"'", "status")
}
