//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// Without a running relay, an empty queue directory and a link without a target are explained.
func TestNoQueueInDirectory(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "relay.yaml")
	if err := os.WriteFile(conf, []byte("mapping: m.yaml\nqueue: { path: data }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := do(t, "status", "--config", conf); code != exit.Later || !strings.Contains(errOut, "there is no queue in") {
		t.Errorf("empty: exit %d: %s", code, errOut)
	}
	if err := os.Remove(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := do(t, "status", "--config", conf); code != exit.Later || !strings.Contains(errOut, "which does not exist") {
		t.Errorf("dangling: exit %d: %s", code, errOut)
	}
}
