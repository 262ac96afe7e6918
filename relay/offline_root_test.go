//go:build !windows

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/relay/internal/exit"
)

// What root does while no relay runs, and what `relay run` does as root, leaves nothing of
// root's in the queue, so that relay's own user can start.
func TestOfflineAsRoot(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Parallel()
	const nobody = 65534
	dir := t.TempDir()
	h := home{dir: dir}
	conf := h.path("relay.yaml")
	for _, d := range []string{filepath.Dir(dir), dir, h.path("var"), h.path("var2")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // another user is to get there
			t.Fatal(err)
		}
	}
	for _, d := range []string{h.path("var"), h.path("var2")} {
		if err := os.Chown(d, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(h.path(name), []byte(text), 0o644); err != nil { //nolint:gosec // another user is to read it
			t.Fatal(err)
		}
	}
	text := strings.Replace(testConfig("127.0.0.1:1", ""), "path: data", "path: var/deep/queue", 1)
	write("relay.yaml", text)
	write("mapping.yaml", testMapping)
	write("person.txt", "nobody@example.com\n")
	write("sales.jsonl", `{"event":"Order Completed","messageId":"r-1","userId":"u","timestamp":"2026-11-20T10:00:00Z","properties":{"revenue":5}}`+"\n"+`{"event":"Order Completed","messageId":"r-2","timestamp":"2026-11-20T10:00:00Z","properties":{"revenue":"free"}}`+"\n")
	for _, args := range [][]string{
		{"import", "sales.jsonl"},
		{"status"},
		{"queue", "list"},
		{"queue", "export"},
		{"dead", "list"},
		{"backup", "copy.tar"},
		{"lane", "drop", "701000000000001", "--yes"},
		{"support-bundle", "--wait", "0", "help.zip"},
	} {
		if out, code := h.command(t, append(args, "--config", conf)...); code != exit.OK {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
	write("relay.yaml", strings.Replace(text, "var/deep", "var2", 1))
	if out, code := h.command(t, "restore", "copy.tar", "--config", conf); code != exit.OK {
		t.Errorf("restore: %d %s", code, out)
	}
	p := h.start(t)
	if status, body := post(t, p.url+"/v1/track", order("root")); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	p.stop(t)
	seen := map[string]int{}
	for _, d := range []string{h.path("var"), h.path("var2")} {
		err := filepath.WalkDir(d, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			fi, err := e.Info()
			if err != nil {
				return err
			}
			seen[d]++
			if st := fi.Sys().(*syscall.Stat_t); st.Uid != nobody || st.Gid != nobody {
				t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen[d] < 4 {
			t.Errorf("only %d files in %s", seen[d], d)
		}
	}
	if fi, err := os.Stat(h.path("copy.tar")); err != nil || fi.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("what root asked for is root's: %v", err)
	}
	audit := read(t, h.path("var/deep/queue/audit.log"))
	if !strings.Contains(audit, `"who":"uid 0","call":"GET /api/v1/queue/export","count":`) {
		t.Errorf("audit log:\n%s", audit)
	}
	if left, _ := filepath.Glob("/tmp/relay-offline-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
