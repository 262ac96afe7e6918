package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// do runs a command of this process and returns exit code and output.
func do(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.WithoutCancel(t.Context()), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop one")
	code, out, errOut := do(t, "init", dir, "--event-set", "702000000000009", "--country", "DE", "--currency", "EUR", "--timezone", "Europe/Berlin")
	if code != exit.OK || !strings.Contains(out, "wrote "+filepath.Join(dir, "relay.yaml")) {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	if runtime.GOOS != "windows" && !strings.Contains(out, "sudo -u relay relay status --config ") {
		t.Errorf("no word of relay's user:\n%s", out)
	}
	if runtime.GOOS != "windows" && os.Geteuid() == 0 && !strings.Contains(read(t, filepath.Join(dir, "relay.service")), "\n#   sudo -u relay ") {
		t.Error("relay.service does not say how to run commands")
	}
	m := read(t, filepath.Join(dir, "mapping.yaml"))
	for _, want := range []string{"702000000000009", "default_country: DE", "default_currency: EUR", "timezone: Europe/Berlin"} {
		if !strings.Contains(m, want) {
			t.Errorf("mapping.yaml lacks %q", want)
		}
	}
	if strings.Contains(m, "701000000000001") {
		t.Error("mapping.yaml still holds the made-up id")
	}
	if err := os.WriteFile(filepath.Join(dir, "meta-token"), []byte("EAAB-fake-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut = do(t, "check", "--strict", "--config", filepath.Join(dir, "relay.yaml")); code != exit.OK {
		t.Errorf("relay check: exit %d\n%s%s", code, out, errOut)
	}
	if code, out, _ = do(t, "config", "print", "--config", filepath.Join(dir, "relay.yaml")); code != exit.OK ||
		!strings.Contains(out, "<secret>") || strings.Contains(out, "EAAB") {
		t.Errorf("relay config print: exit %d\n%s", code, out)
	}

	// Nothing is overwritten, and nothing written beside it.
	if err := os.Remove(filepath.Join(dir, "relay.yaml")); err != nil {
		t.Fatal(err)
	}
	code, _, errOut = do(t, "init", dir)
	if code != exit.Failure || !strings.Contains(errOut, "mapping.yaml already exists: nothing was written") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if _, err := os.Stat(filepath.Join(dir, "relay.yaml")); err == nil {
		t.Error("relay.yaml was written although mapping.yaml was there")
	}
}

func TestInitRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--event-set", "abc"}, {"--country", "Atlantis"}, {"--currency", "dollars"}, {"--timezone", "Mars/Olympus"}, {"a", "b"},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		code, _, errOut := do(t, append([]string{"init", dir}, args...)...)
		if code != exit.UsageCode {
			t.Errorf("%v: exit %d, want %d: %s", args, code, exit.UsageCode, errOut)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%v: the directory was made", args)
		}
	}
}

// The unit is one that systemd takes.
func TestInitUnit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is Linux's")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := filepath.Join(t.TempDir(), "shop one")
	if code, _, errOut := do(t, "init", dir); code != exit.OK {
		t.Fatal(errOut)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", filepath.Join(dir, "relay.service")).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for l := range strings.Lines(string(out)) {
		if strings.Contains(l, "relay.service") {
			t.Errorf("systemd-analyze verify: %s", l)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
