package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// volume makes what the kubelet makes of a Secret or ConfigMap: a folder of mode that any
// user may write, in it the version's folder, ..data, and a link to each file.
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

// reachable gives a folder that any user may enter.
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

func taken(t *testing.T, path string) {
	t.Helper()
	if err := Trusted(path); err != nil {
		t.Errorf("root: %v", err)
	}
	if trustedAs(t, 65532, path) {
		t.Error("another user is refused")
	}
	if b, err := ReadFile(path, 10); err != nil || string(b) != "x" {
		t.Errorf("%q %v", b, err)
	}
}

// A Secret with fsGroup: root's files for a group, read-only, in a sticky folder.
func TestSecretOfGroup(t *testing.T) {
	taken(t, volume(t, reachable(t), 0o777|os.ModeSticky|os.ModeSetgid, 65530, 0o440))
}

// A Secret on an older kubelet: the folder is not sticky.
func TestSecretNotSticky(t *testing.T) {
	taken(t, volume(t, reachable(t), 0o777, 65530, 0o440))
}

// A ConfigMap: files that everybody may read.
func TestConfigMap(t *testing.T) {
	taken(t, volume(t, reachable(t), 0o777, 0, 0o644))
}

// A ConfigMap with defaultMode 0666 whose folder is mounted read-only, as kubelets do.
func TestReadOnlyConfigMap(t *testing.T) {
	dir := mount(t, "mode=0777")
	reachable(t)
	path := volume(t, dir, 0o777, 0, 0o666)
	if AnyUser(Trusted(path)) == nil {
		t.Error("any user may write it before")
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount read-only: ", err)
	}
	if err := Trusted(path); err != nil {
		t.Error(err)
	}
}

// One file mounted alone (subPath): a plain file of root's.
func TestSubPath(t *testing.T) {
	path := filepath.Join(reachable(t), "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	taken(t, path)
}

// A folder that nobody may write to, root's file in it.
func TestReadOnlyFolder(t *testing.T) {
	dir := reachable(t)
	path := filepath.Join(dir, "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	taken(t, path)
}

// A sticky folder such as /tmp: root's file is taken, another user's is not.
func TestStickyFolder(t *testing.T) {
	dir := reachable(t)
	path := filepath.Join(dir, "token")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, 0o644), os.Chmod(dir, 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	taken(t, path)
	if err := os.Chown(path, 65533, 65533); err != nil {
		t.Fatal(err)
	}
	if AnyUser(Trusted(path)) == nil || !trustedAs(t, 65532, path) {
		t.Error("what another user has put there is taken")
	}
}

// The volume of the queue with fsGroup: its folder and files are root's, for a group.
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
	if err := os.Chown(path, 65531, 65531); err != nil { // not of the group: nobody's but a stranger's
		t.Fatal(err)
	}
	if Planted(dir, own) == nil {
		t.Error("a file of a stranger is taken for the group's")
	}
}
