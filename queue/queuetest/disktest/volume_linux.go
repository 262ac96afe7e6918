package disktest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Volume is a mounted file system. It is unmounted when its test ends.
type Volume struct {
	t      *testing.T
	device string
	dir    string
	frozen atomic.Bool
}

// NewVolume makes an ext4 file system of mib MiB, or skips the test if that is not possible. mkfs
// are additional arguments of mkfs.ext4.
func NewVolume(t *testing.T, mib int, mkfs ...string) *Volume {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount", "umount", "fsfreeze"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	// The image is in memory: what counts is what the file system wrote to it.
	base := "/dev/shm"
	var st unix.Statfs_t
	if unix.Statfs(base, &st) != nil || int64(st.Bavail)*int64(st.Bsize) < int64(mib)<<21 {
		base = t.TempDir()
	}
	img, err := os.CreateTemp(base, "relay-volume-*")
	if err != nil {
		t.Fatalf("make image: %v", err)
	}
	t.Cleanup(func() { os.Remove(img.Name()) })
	if err := img.Truncate(int64(mib) << 20); err != nil {
		t.Fatalf("make image: %v", err)
	}
	img.Close()
	v := &Volume{t: t, dir: t.TempDir()}
	if v.device, err = command("losetup", "-f", "--show", img.Name()); err != nil {
		t.Skipf("no loop device here: %s", v.device)
	}
	t.Cleanup(func() { v.must("losetup", "-d", v.device) })
	v.must("mkfs.ext4", append([]string{"-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"}, append(mkfs, v.device)...)...)
	if out, err := command("mount", v.device, v.dir); err != nil {
		t.Skipf("cannot mount here: %s", out)
	}
	t.Cleanup(func() { v.must("umount", "-l", v.dir) })
	t.Cleanup(v.Thaw)
	return v
}

// Dir is where it is mounted.
func (v *Volume) Dir() string { return v.dir }

// Freeze makes every write hang until Thaw.
func (v *Volume) Freeze() {
	v.t.Helper()
	v.must("fsfreeze", "-f", v.dir)
	v.frozen.Store(true)
}

// Thaw ends Freeze. It may be called more than once.
func (v *Volume) Thaw() {
	v.t.Helper()
	if v.frozen.CompareAndSwap(true, false) {
		v.must("fsfreeze", "-u", v.dir)
	}
}

// Cut stops all writes to the device, as a power cut does: what is not on it yet is lost. It skips
// the test if the kernel does not support it.
func (v *Volume) Cut() {
	v.t.Helper()
	f, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatalf("cut volume: %v", err)
	}
	defer f.Close()
	const shutdown, noLogFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		v.t.Skipf("this kernel cannot cut the power of a file system: %v", err)
	}
}

// Remount mounts the volume again, as after a power cut.
func (v *Volume) Remount() {
	v.t.Helper()
	for range 100 { // processes that used it may still be exiting
		err := unix.Unmount(v.dir, 0)
		if err == nil || errors.Is(err, unix.EINVAL) {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	v.must("mount", v.device, v.dir)
}

func (v *Volume) must(name string, args ...string) {
	v.t.Helper()
	if out, err := command(name, args...); err != nil {
		v.t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// command runs a program without a context: one that ends with the test would kill the clean-up.
func command(name string, args ...string) (string, error) {
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
