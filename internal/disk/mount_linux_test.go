package disk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mount returns a new mounted file system, or skips the test.
func mount(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a volume")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip("cannot mount a volume here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// On a full volume a write fails completely, as NoSpace: the old file stays, nothing that takes
// space is left behind, and a file that fits can be written.
func TestFullVolume(t *testing.T) {
	path := filepath.Join(mount(t, "size=1m"), "file")
	if v, err := VolumeOf(filepath.Dir(path)); err != nil || v.Kind != "tmpfs" || v.Size != 1<<20 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := WriteFile(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 2<<20)
	for name, err := range map[string]error{
		"WriteFile": WriteFile(path, 0o600, big),
		"Create":    Create(path+"2", 0o600, big),
	} {
		if !NoSpace(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, path, "old")
	if err := WriteFile(path, 0o600, []byte("small")); err != nil {
		t.Error(err)
	}
	holds(t, path, "small")
}

func TestNoMoreFiles(t *testing.T) {
	dir := mount(t, "nr_inodes=3") // the root, one file, and one that replaces it
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, 0o600, []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	if err := os.WriteFile(filepath.Join(dir, "last"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := VolumeOf(dir); err != nil || v.Files != 3 || v.FreeFiles != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := WriteFile(path, 0o600, []byte("more")); !NoSpace(err) {
		t.Errorf("without room for a file: %v", err)
	}
	os.Remove(filepath.Join(dir, "last"))
	holds(t, path, "new")
}

// A read-only directory is unchanged, and the error is EROFS.
func TestReadOnlyVolume(t *testing.T) {
	path := filepath.Join(mount(t, "size=1m"), "file")
	if err := WriteFile(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", filepath.Dir(path), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount read-only: ", err)
	}
	for name, err := range map[string]error{
		"WriteFile": WriteFile(path, 0o600, []byte("new")),
		"Create":    Create(path+"2", 0o600, []byte("new")),
		"MakeDir":   MakeDir(path + "3"),
	} {
		if !errors.Is(err, unix.EROFS) || NoSpace(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, path, "old")
}

// The order of the system calls determines what a power cut leaves.
func TestOrderOfSteps(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	for what, rename := range map[string]string{"write": "rename", "create": "renameat2"} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path, log := filepath.Join(dir, "file"), filepath.Join(t.TempDir(), "log")
			c := childCommand(t, what, path, strace, "-f", "-y", "-qq", "-o", log, "-e", "trace=openat,write,fsync,close,rename,renameat,renameat2,link,linkat")
			if err := c.Run(); err != nil {
				t.Skip("strace does not work here: ", err)
			}
			b, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			temp := regexp.QuoteMeta(path) + `\.[0-9a-f]{16}\.tmp`
			steps := []string{
				`openat\(.*"` + temp + `", O_RDWR\|O_CREAT\|O_EXCL\|O_CLOEXEC, 0600`,
				`write\(\d+<` + temp + `>, "new", 3\)`,
				`fsync\(\d+<` + temp + `>(\)| <unfinished)`,
				rename + `(at)?\(.*"` + temp + `", .*"` + regexp.QuoteMeta(path) + `"`,
				`fsync\(\d+<` + regexp.QuoteMeta(dir) + `>(\)| <unfinished)`,
			}
			for line := range strings.Lines(string(b)) {
				if len(steps) > 0 && regexp.MustCompile(steps[0]).MatchString(line) {
					steps = steps[1:]
				}
			}
			if len(steps) > 0 {
				t.Errorf("no step %s after the previous ones, in:\n%s", steps[0], b)
			}
		})
	}
}

// On a read-only mount no user can write, whatever the modes.
func TestReadOnlyMount(t *testing.T) {
	d := mount(t, "")
	f := filepath.Join(d, "relay.yaml")
	if err := os.WriteFile(f, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{f, d} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if AnyUser(Trusted(f)) == nil {
		t.Error("accepted although any user may write it")
	}
	if err := unix.Mount("", d, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := Trusted(f); err != nil {
		t.Error(err)
	}
}
