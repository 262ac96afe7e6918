package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/relay/internal/exit"
)

// commandAs runs relay to its end as another user.
func (h home) commandAs(t *testing.T, uid uint32, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a relay that starts runs on
	defer cancel()
	c := relayCommand(ctx, args...)
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
	refused("no directory", "Fix: sudo install -d -m 700 -o nobody "+dir, "run")

	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("root's directory", "Fix: sudo chown -R nobody "+dir, "run")
	refused("root's directory", "Run the command as root (sudo)", "status")
	refused("root's directory", "Run the command as root (sudo)", "lane", "move", "701000000000001", "701000000000002")

	h.write(t, "sales.jsonl", sales(0, 3))
	if out, code := h.command(t, "import", "sales.jsonl"); code != exit.OK {
		t.Fatalf("import: exit code %d\n%s", code, out)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil { // but not the files in it
		t.Fatal(err)
	}
	refused("root's files", "Fix: sudo chown -R nobody "+dir, "run")
	refused("root's files", "Fix: sudo chown -R nobody "+dir, "status")

	// One path after the other is closed; everything else is relay's.
	p := h.start(t)
	if status, body := post(t, p.url+"/v1/track", `{"event":"Order Completed","timestamp":"no time"}`); status != 200 {
		t.Fatal(status, body)
	}
	eventually(t, "there are dead letters", func() bool { _, err := os.Stat(filepath.Join(dir, "dead.db")); return err == nil })
	p.stop(t)
	h.write(t, "var/queue/restored.json", `{"whole":true}`)
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal("no segment", err)
	}
	for _, tc := range []struct {
		path string
		root bool // it is root's; else its mode is 0
		want string
	}{
		{filepath.Join(dir, "restored.json"), true, "sudo chown -R nobody " + dir},
		{filepath.Join(dir, "receipts"), true, "sudo chown -R nobody " + dir},
		{filepath.Join(dir, "secret"), true, "sudo chown -R nobody " + dir},
		{filepath.Join(dir, "dead.db"), true, "sudo chown -R nobody " + dir},
		{segments[0], true, "sudo chown -R nobody " + dir},
		{filepath.Join(dir, "meta.db"), false, "chmod -R u+rwX " + dir},
		{dir, false, "chmod -R u+rwX " + dir},
		{h.path("var"), true, "sudo chmod o+x " + h.path("var")},
	} {
		if out, err := exec.CommandContext(t.Context(), "chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		info, err := os.Stat(tc.path)
		if err != nil {
			t.Fatal(err)
		}
		mode := info.Mode().Perm() &^ 0o077
		if tc.root {
			err = os.Chown(tc.path, 0, 0)
		} else {
			mode = 0
		}
		if err == nil {
			err = os.Chmod(tc.path, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		refused(filepath.Base(tc.path), "Fix: "+tc.want+"\n", "run")
		if err := os.Chmod(tc.path, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

// A user who cannot read relay.yaml is told who can.
func TestConfigOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to run relay as another user")
	}
	t.Parallel()
	h := newHome(t, testConfig("127.0.0.1:1", ""), testMapping)
	for _, d := range []string{filepath.Dir(h.dir), h.dir} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // another user gets there
			t.Fatal(err)
		}
	}
	conf := h.path("relay.yaml")
	for _, c := range []string{"check", "run", "status", "doctor", "reload"} {
		out, code := h.commandAs(t, 65534, c, "--config", conf)
		if want := conf + ": permission denied: run the command as root (sudo), or make"; code != exit.Forbidden || !strings.Contains(out, want) {
			t.Errorf("relay %s: exit code %d, no %q in\n%s", c, code, want, out)
		}
	}
}

// A spool directory that relay's user cannot use is refused like the queue, but stays the
// user's who drops files.
func TestSpoolOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to run relay as another user")
	}
	t.Parallel()
	const nobody = 65534
	h := newHome(t, testConfig("127.0.0.1:1", "spool: drop\n"), testMapping)
	for _, d := range []string{filepath.Dir(h.dir), h.dir} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // another user gets there
			t.Fatal(err)
		}
	}
	if err := os.Chown(h.dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"relay.yaml", "mapping.yaml"} {
		if err := os.Chmod(h.path(f), 0o644); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
		if err := os.Chown(h.path(f), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	drop := h.path("drop")
	if err := os.Mkdir(drop, 0o755); err != nil { //nolint:gosec // root's, who drops files
		t.Fatal(err)
	}
	refused := func(want string) {
		t.Helper()
		out, code := h.commandAs(t, nobody, "run", "--config", h.path("relay.yaml"))
		if code != exit.Forbidden || !strings.Contains(out, "spool.dir: ") || !strings.Contains(out, "Fix: "+want+"\n") {
			t.Errorf("exit code %d, no %q in\n%s", code, want, out)
		}
	}
	refused("sudo setfacl -m u:65534:rwx " + drop)
	if err := os.Chown(drop, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	done := h.path("drop/done")
	if err := os.Mkdir(done, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(done, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	refused("chmod -R u+rwX " + done)
}
