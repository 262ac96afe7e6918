package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// need skips a test whose tool is not on this machine.
func need(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not here", tool)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// binary builds relay as the packages do.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "relay")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "./relay")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// unit writes a copy of the unit with an existing program into a directory
// and returns its path.
func unit(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(read(t, "systemd/relay.service"), "/usr/bin/relay", program)
	path := filepath.Join(t.TempDir(), "relay.service")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnitIsVerified(t *testing.T) {
	tool := need(t, "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), tool, "verify", "--man=no", unit(t)).CombinedOutput()
	if err != nil || len(strings.TrimSpace(string(out))) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// The exposure of the shipped unit, on systemd's scale of 0 (sealed) to 10.
func TestUnitIsSealed(t *testing.T) {
	tool := need(t, "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), tool, "security", "--offline=true", "--threshold=15", unit(t)).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	m := regexp.MustCompile(`Overall exposure level for relay\.service: ([0-9.]+)`).FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("no exposure level in\n%s", out)
	}
	level, err := strconv.ParseFloat(m[1], 64)
	if err != nil || level > 1.5 {
		t.Errorf("exposure %s, want at most 1.5", m[1])
	}
}

// systemd would kill relay at the first refused system call if the unit did not name
// an error. relay makes such a call, to check whether the clock is synchronised.
func TestUnitRefusesCallsWithoutKilling(t *testing.T) {
	text := read(t, "systemd/relay.service")
	for _, want := range []string{
		"\nType=notify\n", "\nSystemCallErrorNumber=EPERM\n", "\nRestartPreventExitStatus=2 77 78\n", "\nDynamicUser=yes\n",
		"\nStateDirectory=relay\n", "\nConfigurationDirectory=relay\n", "\nLoadCredential=meta_token:", "\nExecReload=/bin/kill -HUP $MAINPID\n", "\nWatchdogSec=",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the unit has no %q", strings.TrimSpace(want))
		}
	}
	if !strings.Contains(read(t, "systemd/relay.service.d/notify-reload.conf"), "Type=notify-reload") {
		t.Error("the drop-in does not set notify-reload")
	}
}
