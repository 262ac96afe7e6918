package clustertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The code that receives the logs of stores works on this queue as on one in a directory, with one
// hub and with two.
func TestHub(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "/nats", "./relay/internal/forward")
	test.Dir = "../../.."
	test.Env = append(os.Environ(), "RELAY_TEST_NATS="+strings.Join(slices.Concat(c.urls, c.monitor), ","))
	out, err := test.CombinedOutput()
	if passed := strings.Count(string(out), "--- PASS") - strings.Count(string(out), "    --- PASS"); err != nil || passed < 10 {
		t.Errorf("%d tests passed: %v\n%s", passed, err, out)
	}
}

// The demo runs as documented, in less than a minute, and leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demo := exec.CommandContext(t.Context(), "go", "run", "./demo")
	demo.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := demo.CombinedOutput()
	for _, want := range []string{"kill -9 of relay-a, which delivers", "kill -9 of one of the three servers", "It reconciles: ", "0 lost, 0 twice"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo did not print %q: %v\n%s", want, err, out)
		}
	}
	if err != nil {
		t.Error(err)
	}
	_, took, _ := strings.Cut(string(out), "It took ")
	var seconds float64
	if _, err := fmt.Sscan(took, &seconds); err != nil || seconds > 60 {
		t.Errorf("the demo took %q: %v", took, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "relay-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left behind %v: %v", left, err)
	}
}
