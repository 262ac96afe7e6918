package spool

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/queue/local"
)

// The volume of the spool directory is nearly or quite full, kept files are encrypted, which needs
// space for a copy, and the process is killed again and again. Nothing is lost or stored twice, and
// every file can be opened in the end.
func TestKillOnFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	drops := t.TempDir()
	if err := unix.Mount("tmpfs", drops, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a volume here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(drops, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir, rows := t.TempDir(), 0
	content := map[string]string{}
	for i := range 8 {
		n := 1 + rand.IntN(2*batchRows)
		name := fmt.Sprintf("%02d.jsonl", i)
		content["done/"+name] = sales(rows, n) + strings.Repeat("no JSON\n", 20)
		drop(t, drops, name, content["done/"+name])
		rows += n
	}
	ballast := filepath.Join(drops, ".ballast") // a hidden file is not taken
	full := 0
	for range 12 {
		var v unix.Statfs_t
		if err := os.RemoveAll(ballast); err != nil {
			t.Fatal(err)
		}
		if err := unix.Statfs(drops, &v); err != nil {
			t.Fatal(err)
		}
		free := int(v.Bfree) * int(v.Bsize)
		if left := rand.IntN(40) * int(v.Bsize); left < free {
			full++
			if err := os.WriteFile(ballast, make([]byte, free-left), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		killChild(t, dir, drops, 60*time.Millisecond, sealedEnv+"=1")
	}
	left, _ := filepath.Glob(filepath.Join(drops, "*.jsonl"))
	t.Logf("%d rows in 8 files, %d files untouched after 12 kills, %d of them on a full volume", rows, len(left), full)
	if err := os.RemoveAll(ballast); err != nil {
		t.Fatal(err)
	}

	q := must(local.Open(filepath.Join(dir, "queue"), local.Options{}))
	defer q.Close()
	ring := sealRing(t, 1)
	d := newDirectory(t, DirectoryOptions{Dir: drops, Queue: q, Quiet: -1, CrashDelay: -1, Keep: -1, Seal: ring})
	d.scan(t.Context())
	onceInQueue(t, q, rows)
	if got := tree(t, drops); strings.Contains(got, ".work") || strings.Count(got, "done/") != 8 || strings.Count(got, "refused/") != 8 {
		t.Errorf("files %s", got)
	}
	kept := must(OpenKept(drops, ring))
	defer kept.Close()
	for _, f := range must(kept.List()) {
		if strings.HasPrefix(f.Name, "refused/") {
			continue
		}
		in := must(kept.Open(f.File))
		b, err := io.ReadAll(in)
		if err = errors.Join(err, in.Close()); err != nil || string(b) != content[f.Name] {
			t.Errorf("%s: %d bytes, want %d; %v", f.Name, len(b), len(content[f.Name]), err)
		}
	}
}
