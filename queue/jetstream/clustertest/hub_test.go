package clustertest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What takes the log of stores does on this queue what it does on one in a directory, with
// one hub and with two.
func TestHub(t *testing.T) {
	c := newCluster(t, true)
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "/nats", "./relay/internal/forward")
	test.Dir = "../../.."
	test.Env = append(os.Environ(), "RELAY_TEST_NATS="+strings.Join(slices.Concat(c.urls, c.monitor), ","))
	out, err := test.CombinedOutput()
	if passed := strings.Count(string(out), "--- PASS") - strings.Count(string(out), "    --- PASS"); err != nil || passed < 10 {
		t.Errorf("%d tests passed: %v\n%s", passed, err, out)
	}
}
