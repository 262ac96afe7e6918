package packaging

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsPointOneWay checks the direction of imports. Only queue/local imports bbolt,
// only config/watch imports fsnotify. Of this module, queue, mapper, config and the
// packages under internal import only packages under internal; mapper also those below it.
// queue/local and its internal packages also import queue, queue/internal and each other.
func TestImportsPointOneWay(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	leaves := map[string]bool{"relay/queue": true, "relay/queue/local": true, "relay/mapper": true, "relay/config": true}
	const internal, shared, local, rooms = "relay/internal/", "relay/queue/internal/", "relay/queue/local", "relay/queue/local/"
	n := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := words[0]
		if leaves[pkg] {
			n++
		}
		for _, imported := range words[1:] {
			ours := strings.HasPrefix(imported, "relay/") && !strings.HasPrefix(imported, internal)
			below := pkg == "relay/mapper" && strings.HasPrefix(imported, "relay/mapper/")
			engine := pkg == local || strings.HasPrefix(pkg, rooms)
			switch {
			case strings.HasPrefix(imported, "go.etcd.io/bbolt") && !engine,
				imported == "github.com/fsnotify/fsnotify" && pkg != "relay/config/watch",
				engine && ours && imported != "relay/queue" && !strings.HasPrefix(imported, shared) && !strings.HasPrefix(imported, rooms),
				(leaves[pkg] || strings.HasPrefix(pkg, internal)) && !engine && !below && ours:
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
	if n != len(leaves) {
		t.Errorf("found %d of %d leaves", n, len(leaves))
	}
}
