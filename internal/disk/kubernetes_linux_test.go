package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// volume builds what the kubelet builds for a Secret or ConfigMap: a directory that any user can
// write to, and in it the directory of the version, ..data, and a link to each file.
func volume(t *testing.T, dir string, mode os.FileMode, group int, file os.FileMode) string {
	t.Helper()
	version := filepath.Join(dir, time.Now().Format("..2006_01_02_15_04_05.000000000"))
	real := filepath.Join(version, "token")
	for _, err := range []error{
		os.Mkdir(version, 0o755), os.WriteFile(real, []byte("x"), 0o600), os.Lchown(version, 0, group), os.Lchown(real, 0, group), os.Chmod(real, file),
		os.Symlink(filepath.Base(version), filepath.Join(dir, "..data")), os.Symlink("..data/token", filepath.Join(dir, "token")),
		os.Lchown(dir, 0, group), os.Chmod(dir, mode),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "token")
}

// reachable returns a directory that any user can enter.
func reachable(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func accepted(t *testing.T, path string) {
	t.Helper()
	if err := Trusted(path); err != nil {
		t.Errorf("root: %v", err)
	}
	if trustedAs(t, 65532, path) {
		t.Error("refused for another user")
	}
	if b, err := ReadFile(path, 10); err != nil || string(b) != "x" {
		t.Errorf("%q %v", b, err)
	}
}

// A Secret with fsGroup: read-only files of root, for a group, in a sticky directory.
func TestSecretOfGroup(t *testing.T) {
	accepted(t, volume(t, reachable(t), 0o777|os.ModeSticky|os.ModeSetgid, 65530, 0o440))
}

// A Secret on an older kubelet: the directory is not sticky.
func TestSecretNotSticky(t *testing.T) {
	accepted(t, volume(t, reachable(t), 0o777, 65530, 0o440))
}

// A ConfigMap: files that any user can read.
func TestConfigMap(t *testing.T) {
	accepted(t, volume(t, reachable(t), 0o777, 0, 0o644))
}

// A ConfigMap with defaultMode 0666 in a directory mounted read-only, as kubelets do.
func TestReadOnlyConfigMap(t *testing.T) {
	dir := mount(t, "mode=0777")
	reachable(t)
	path := volume(t, dir, 0o777, 0, 0o666)
	if AnyUser(Trusted(path)) == nil {
		t.Error("accepted although any user may write it")
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount read-only: ", err)
	}
	if err := Trusted(path); err != nil {
		t.Error(err)
	}
}

// A single file mounted with subPath: a plain file of root's.
func TestSubPath(t *testing.T) {
	path := filepath.Join(reachable(t), "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	accepted(t, path)
}

// A file of root's in a directory that no other user can write to.
func TestReadOnlyFolder(t *testing.T) {
	dir := reachable(t)
	path := filepath.Join(dir, "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	accepted(t, path)
}

// A sticky directory such as /tmp: a file of root's is accepted, another user's is not.
func TestStickyFolder(t *testing.T) {
	dir := reachable(t)
	path := filepath.Join(dir, "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o644), os.Chmod(dir, 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	accepted(t, path)
	if err := os.Chown(path, 65533, 65533); err != nil {
		t.Fatal(err)
	}
	if AnyUser(Trusted(path)) == nil || !trustedAs(t, 65532, path) {
		t.Error("a file of another user was accepted")
	}
}

// The queue's volume with fsGroup: its directory and files belong to root and a group.
func TestQueueOfGroup(t *testing.T) {
	dir := reachable(t)
	path := filepath.Join(dir, "meta.db")
	err := errors.Join(os.WriteFile(path, nil, 0o660), os.Chown(path, 65531, 65530), os.Chown(dir, 0, 65530), os.Chmod(dir, 0o770|os.ModeSetgid))
	if err != nil {
		t.Fatal(err)
	}
	own := func(name string) (os.FileMode, bool) { return 0, name == "meta.db" }
	if err := Planted(dir, own); err != nil {
		t.Error(err)
	}
	if err := os.Chown(path, 65531, 65531); err != nil { // not of the group: a stranger's
		t.Fatal(err)
	}
	if Planted(dir, own) == nil {
		t.Error("a stranger's file was accepted")
	}
}
