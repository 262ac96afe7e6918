//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"relay/internal/disk"
	"relay/queue/local/directory"
	"relay/relay/internal/sandbox"
)

// strangersIn are those below the directory of the queue.
func strangersIn(t *testing.T, h home) []string {
	t.Helper()
	all, err := directory.Strangers(h.path("data"), func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestStrangers: after a full life every file below queue.path is on the list of relay's
// own, also where a process died; what is not on it is named by forget and not touched;
// what a crash left goes at the next start.
func TestStrangers(t *testing.T) {
	t.Parallel()
	sb, graph := startSandbox(t, sandbox.Options{})
	h := newHome(t, "", testMapping).settled(t, graph, "spool: drop\n")
	conf, err := os.ReadFile(h.path("relay.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, "relay.yaml", strings.Replace(string(conf), "segment_size: 1MiB", "segment_size: 64KiB", 1))
	p := h.start(t)
	life := func(from int) {
		for i := from; i < from+3; i++ {
			var batch []string
			for k := range 100 {
				batch = append(batch, order(fmt.Sprintf("stranger-%d-%d", i, k)))
			}
			batch = append(batch, `{"type":"track","messageId":"hers-`+fmt.Sprint(i)+`","event":"Never Mapped","userId":"ada@x.example"}`, `{"type":"track","messageId":"bad-`+fmt.Sprint(i)+`"}`)
			if code, body := post(t, p.url+"/v1/batch", `{"batch":[`+strings.Join(batch, ",")+`]}`); code != 200 {
				t.Fatal(code, body)
			}
		}
		exactlyOnce(t, sb, 100*(from+3))
		if out, code := h.command(t, "backup", fmt.Sprintf("copy-%d.tar", from)); code != 0 {
			t.Fatalf("backup: exit code %d\n%s", code, out)
		}
		if out, code := h.with(t, "ada@x.example\n", "forget"); code != 0 || !strings.HasPrefix(out, "3 removed") || strings.Contains(out, "not relay's") {
			t.Fatalf("forget: exit code %d\n%s", code, out)
		}
	}
	life(0)
	if all := strangersIn(t, h); len(all) > 0 {
		t.Errorf("while it runs: %q", all)
	}
	p.kill(t)
	if all := strangersIn(t, h); len(all) > 0 {
		t.Errorf("after a crash: %q", all)
	}
	h.write(t, "data/meta.db", strings.Repeat("not a database. ", 1024)) // is quarantined
	p = h.start(t)
	life(3)
	p.stop(t)
	if all := strangersIn(t, h); len(all) > 0 {
		t.Errorf("after it has ended: %q", all)
	}
	if bad, _ := filepath.Glob(h.path("data/meta.db.bad")); len(bad) > 0 {
		t.Error("what was quarantined outlived the forget")
	}

	// What a crash leaves, and what somebody has put there.
	temp := filepath.Base(disk.TempName("x"))
	crash := []string{"data/0000000000000099.seg.tmp", "data/meta.db" + temp[1:], "data/receipts/0000000000000001.log" + temp[1:], "data/copies/relay-backup-7/data/meta.db", "drop/done/sales.csv" + temp[1:]}
	put := []string{
		"data/copies/mine/ada@x.example.csv", "data/meta.db.copy", "data/notes.tmp", "data/people.csv.bad", "data/receipts/0000000000000001.log~",
		"data/receipts/old/0000000000000001.log", "data/tailor.txt",
	}
	for _, name := range slices.Concat(crash, put) {
		if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		h.write(t, name, "ada@x.example")
	}
	if err := errors.Join(os.Symlink(h.path("data"), h.path("data/link")), os.Mkdir(h.path("data/empty"), 0o700), syscall.Mkfifo(h.path("data/pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	want := []string{"link"}
	for _, name := range put {
		want = append(want, strings.TrimPrefix(name, "data/"))
	}
	slices.Sort(want)
	for _, running := range []bool{true, false} {
		if running {
			p = h.start(t)
			for _, name := range crash {
				if _, err := os.Stat(h.path(name)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there after a start", name)
				}
			}
		}
		if all := strangersIn(t, h); !slices.Equal(all, want) {
			t.Errorf("strangers %q\nwant %q", all, want)
		}
		for _, args := range [][]string{{"forget", "--dry-run"}, {"forget"}} {
			out, code := h.with(t, "ada@x.example\n", args...)
			if code != 0 || !strings.Contains(out, fmt.Sprintf("not reached: %d files, links and directories below", len(want))) || !strings.Contains(out, " meta.db.copy,") {
				t.Errorf("%q: exit code %d\n%s", args, code, out)
			}
			if strings.Contains(out, "ada@") {
				t.Errorf("%q shows a name:\n%s", args, out)
			}
		}
		for _, name := range put {
			if b, err := os.ReadFile(h.path(name)); err != nil || string(b) != "ada@x.example" {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
		if running {
			p.stop(t)
		}
	}
}
