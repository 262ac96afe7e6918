//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/queue/queuetest/disktest"
)

// Syncs and writes fail repeatedly while a queue is used. No caller gets a false answer, commits in
// doubt are void, and a retry is stored once.
func TestFailingDisk(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil || testing.Short() {
		t.Skip("needs strace")
	}
	events := int64(300)
	if exam() {
		events = 5000
	}
	for _, fault := range []string{
		"fdatasync:error=EIO:when=9+11",    // of a commit, and of meta.db
		"pwrite64:error=EIO:when=60+97",    // of a page
		"fsync:error=EIO:when=6+7",         // of a directory
		"pwrite64:error=ENOSPC:when=60+83", // no space for a page
		"renameat:error=EROFS:when=7+5",    // a disk that is read-only at times
	} {
		t.Run(strings.SplitN(fault, ":when", 2)[0], func(t *testing.T) {
			o := newOracle(t)
			dir := filepath.Join(t.TempDir(), "queue")
			call, _, _ := strings.Cut(fault, ":")
			p := o.startChild(dir, nil, strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+fault)
			p.work(events)
			select {
			case <-p.lines:
				t.Error("the child has ended")
			default:
			}
			p.in.Close() // it exits without closing
			p.end()
			if int64(len(o.acked)) < events {
				t.Errorf("%d events were stored between the faults", len(o.acked))
			}
			if lost := o.verify(dir); lost > 0 {
				t.Errorf("%d acknowledged events are lost", lost)
			}
		})
	}
}

// tmpfs mounts a file system limited to some bytes or files.
func tmpfs(t *testing.T, opts string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", opts, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount here: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	return dir
}

// fillUp appends until the queue refuses, and returns what it accepted.
func fillUp(t *testing.T, q *Queue, prefix string, most int) (ids []string, err error) {
	t.Helper()
	for i := range most {
		id := fmt.Sprintf("%s-%d", prefix, i)
		body := bodyOf(id)
		for len(body) < 8000 {
			body = append(body, bodyOf(fmt.Sprint(id, len(body)))...)
		}
		if _, err = q.Append(t.Context(), []Entry{{ID: id, Lanes: []string{"l"}, Body: body}}); err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Other files take the last byte, or the last inode, of the volume. Intake is refused, stored
// records drain with their cursor and dead letters, and intake resumes by itself. Nothing is lost:
// DropOldest drops records only for the queue's own limit.
func TestOtherFilesFillVolume(t *testing.T) {
	takeBytes := func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "neighbour"))
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, 4096)
		for err == nil {
			_, err = f.Write(b)
		}
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		return err
	}
	for _, c := range []struct {
		name, opts string
		dropOldest bool
		take       func(dir string) error
	}{
		{"bytes", "size=32m", false, takeBytes},
		{"bytes, drop oldest", "size=32m", true, takeBytes},
		{"files", "size=32m,nr_inodes=64", false, func(dir string) error {
			for i := 0; ; i++ {
				f, err := os.Create(filepath.Join(dir, fmt.Sprint("neighbour-", i)))
				if errors.Is(err, unix.ENOSPC) {
					return nil
				}
				if err != nil {
					return err
				}
				f.Close()
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			vol := tmpfs(t, c.opts)
			dir := filepath.Join(vol, "queue")
			q := openTest(t, dir, Options{SegmentSize: 256 << 10, MaxSize: 16 << 20, DropOldest: c.dropOldest})
			until(t, "the reserve is there", func() bool { return q.Stats().Reserve })
			want, err := fillUp(t, q, "before", 100)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.take(vol); err != nil {
				t.Fatal(err)
			}
			more, err := fillUp(t, q, "while", 2000)
			var full *FullError
			if !errors.As(err, &full) || full.Reason != "disk_full" {
				t.Fatalf("with the volume full: %v", err)
			}
			want = append(want, more...)
			if q.Stats().Failures > 0 {
				if len(q.meta.Voids()) == 0 {
					t.Error("a commit failed on the full volume but its range is not void")
				}
			}
			until(t, "intake is shut", func() bool { return errors.As(q.CanAppend(), &full) })
			q.measureVolume()
			q.makeRoom()
			if n := q.Stats().Dropped; len(n) > 0 {
				t.Errorf("dropped because of other files: %v", n)
			}
			b, err := q.Read("l", 0, 20, 0)
			if err != nil {
				t.Fatal(err)
			}
			s := Settlement{Settled: upto(b.Next), State: make([]byte, 3000)}
			for _, r := range b.Records {
				s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "l", Reason: "rejected", Body: r.Body[:100]})
			}
			if err := settle(q, "l", s); err != nil {
				t.Fatalf("settling on a full volume: %v", err)
			}
			got := make([]string, 0, len(want))
			for _, r := range b.Records {
				got = append(got, r.ID)
			}
			got = append(got, drainAll(t, q, "l")...)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("drained %d records of %d", len(got), len(want))
			}
			m, _ := filepath.Glob(filepath.Join(vol, "neighbour*"))
			for _, f := range m {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			until(t, "intake is open again", func() bool { return q.CanAppend() == nil })
			if _, err := fillUp(t, q, "after", 10); err != nil {
				t.Fatal(err)
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = openTest(t, dir, Options{SegmentSize: 256 << 10, MaxSize: 16 << 20})
			opened(t, q)
			if ids := drainAll(t, q, "l"); len(ids) != 10 {
				t.Errorf("after a restart %d records are pending", len(ids))
			}
			if _, letters := deadIDs(t, q); len(letters) != 20 {
				t.Errorf("%d dead letters", len(letters))
			}
		})
	}
}

// A volume smaller than MaxSize is refused and not changed.
func TestVolumeTooSmall(t *testing.T) {
	dir := tmpfs(t, "size=8m")
	if _, err := Open(dir, Options{MaxSize: 64 << 20}); !errors.Is(err, ErrTooSmall) {
		t.Fatal(err)
	}
	es, err := os.ReadDir(dir)
	if err != nil || len(es) > 1 {
		t.Fatal(es, err) // only the lock file
	}
}

// When the disk freezes, appends time out and the waiting bytes are bounded. Everything continues
// by itself when it thaws.
func TestFrozenDisk(t *testing.T) {
	v := disktest.NewVolume(t, 64)
	q := openTest(t, filepath.Join(v.Dir(), "queue"), Options{SegmentSize: 256 << 10, MaxSize: 32 << 20, AppendTimeout: 300 * time.Millisecond, IOTimeout: 500 * time.Millisecond, MaxWaiting: 1 << 20})
	mustAppend(t, q, entry("before", "l"))
	v.Freeze()
	t.Cleanup(v.Thaw) // before the queue is closed
	done := make(chan error, 64)
	for i := range cap(done) {
		go func() {
			e := entry(fmt.Sprintf("frozen-%d", i), "l")
			e.Body = make([]byte, 100<<10)
			_, err := q.Append(context.Background(), []Entry{e})
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; !errors.Is(err, ErrStalled) && !errors.Is(err, ErrBusy) {
			t.Errorf("frozen: %v", err)
		}
	}
	if n := q.Stats().Waiting; n > 1<<20+200<<10 {
		t.Errorf("%d bytes are waiting", n)
	}
	until(t, "CanAppend says so", func() bool { return errors.Is(q.CanAppend(), ErrStalled) })
	if b, err := q.Read("l", 0, 1, 0); err != nil || len(b.Records) != 1 {
		t.Errorf("frozen: read %v", err)
	}
	if err := settle(q, "l", Settlement{State: []byte("x")}); !errors.Is(err, ErrStalled) {
		t.Errorf("frozen: settle %v", err)
	}
	v.Thaw()
	until(t, "intake is open again", func() bool { return q.CanAppend() == nil })
	until(t, "an append succeeds", func() bool {
		_, err := q.Append(t.Context(), []Entry{entry("after", "l")})
		return err == nil
	})
	ids := drainAll(t, q, "l")
	if ids[0] != "before" || ids[len(ids)-1] != "after" {
		t.Errorf("drained %q", ids)
	}
}
