package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// TestNodeClients points the unmodified npm clients at a real relay and looks
// at the simulator for what arrived.
func TestNodeClients(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node.js here: the npm clients are not tried")
	}
	modules := os.Getenv("RELAY_NODE_MODULES")
	if modules == "" {
		t.Skip("RELAY_NODE_MODULES does not name a folder with the npm clients (relay/testdata/node/package.json): not tried")
	}
	const n = 200
	for _, script := range []string{"segment.mjs", "rudder.cjs", "legacy.cjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			sb, addr := startSandbox(t, sandbox.Options{})
			p := newHome(t, testConfig(addr, ""), testMapping).start(t)

			src, err := os.ReadFile(filepath.Join("testdata/node", script))
			if err != nil {
				t.Fatal(err)
			}
			// Beside the modules, where import finds them.
			copied := filepath.Join(modules, script)
			if err := os.WriteFile(copied, src, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, node, copied, p.url, fmt.Sprint(n)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			eventually(t, "all events are at the simulator", func() bool { return len(sb.Events(sandbox.Filter{})) >= n })
			for _, e := range sb.Events(sandbox.Filter{}) {
				if e.Times != 1 {
					t.Errorf("%s was received %d times", e.ID, e.Times)
				}
			}
			if got := len(sb.Events(sandbox.Filter{})); got != n {
				t.Errorf("%d distinct conversions, want %d", got, n)
			}
			p.stop(t)
		})
	}
}
