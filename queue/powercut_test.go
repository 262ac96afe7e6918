//go:build linux

package queue

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// volumeT is a file system of its own on a loop device.
type volumeT struct {
	t      *testing.T
	device string
	dir    string
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// newVolume makes an ext4 file system of so many MiB, or skips the test where
// that is not possible.
func newVolume(t *testing.T, mib int, mkfs ...string) *volumeT {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	// An image in memory: what counts is what the file system wrote to it.
	base := "/dev/shm"
	var st unix.Statfs_t
	if unix.Statfs(base, &st) != nil || int64(st.Bavail)*st.Bsize < int64(mib)<<21 {
		base = t.TempDir()
	}
	img, err := os.CreateTemp(base, "relay-volume-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(img.Name()) })
	if err := img.Truncate(int64(mib) << 20); err != nil {
		t.Fatal(err)
	}
	img.Close()
	out, err := exec.Command("losetup", "-f", "--show", img.Name()).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device here: %s", out)
	}
	v := &volumeT{t: t, device: strings.TrimSpace(string(out)), dir: t.TempDir()}
	t.Cleanup(func() { exec.Command("losetup", "-d", v.device).Run() })
	run(t, "mkfs.ext4", append([]string{"-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"}, append(mkfs, v.device)...)...)
	if out, err := exec.Command("mount", v.device, v.dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount here: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", v.dir).Run() })
	return v
}

// cut is a power cut: nothing that is not on the device yet gets there any more.
// It is not one instant: a sync that waits for the conversion of its extents
// meanwhile may return as if it had succeeded. So only what was acknowledged
// before it counts; the states within a sync are TestTornCommit's.
func (v *volumeT) cut(o *oracle) {
	v.t.Helper()
	f, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	defer f.Close()
	o.mu.Lock()
	o.cutting = true
	o.mu.Unlock()
	const shutdown, noLogFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		v.t.Skipf("this kernel cannot cut the power of a file system: %v", err)
	}
}

// again mounts the volume as after the power came back.
func (v *volumeT) again() {
	v.t.Helper()
	for range 100 { // whoever used it is dying
		err := unix.Unmount(v.dir, 0)
		if err == nil || errors.Is(err, unix.EINVAL) {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	run(v.t, "mount", v.device, v.dir)
}

// The power goes at random moments, from the first start on.
func TestPowerCut(t *testing.T) {
	cuts := 6
	if exam() {
		cuts = 100
	}
	rng, seed := seeded(t)
	v := newVolume(t, 96)
	o := newOracle(t)
	dir := filepath.Join(v.dir, "data", "queue")
	for i := range cuts {
		if exam() && i%10 == 9 { // the first start again and again
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			logs := o.logs
			o = newOracle(t)
			o.logs = logs
		}
		p := o.startChild(dir, nil)
		wait(p, rng)
		v.cut(o)
		p.kill()
		v.again()
		if lost := o.verify(dir); lost > 0 {
			t.Fatalf("seed %d: %d of %d acknowledged events are lost after power cut %d", seed, lost, len(o.acked), i+1)
		}
	}
	t.Logf("%d power cuts, %d events acknowledged in the last life of the queue, none lost; %d delivered again", cuts, len(o.acked), o.again)
}

// The harness above is worth something only if it finds the loss where there
// is one: with every sync left out.
func TestPowerCutWithoutSync(t *testing.T) {
	v := newVolume(t, 96)
	o := newOracle(t)
	dir := filepath.Join(v.dir, "queue")
	p := o.startChild(dir, []string{childOpts + "=nosync"})
	p.work(500)
	v.cut(o)
	p.kill()
	v.again()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o.damage = true
	lost := o.verify(dir)
	if lost == 0 {
		t.Fatal("nothing is lost without syncs: the harness sees nothing")
	}
	t.Logf("%d of %d acknowledged events are lost without syncs, as they should be", lost, len(o.acked))
}
