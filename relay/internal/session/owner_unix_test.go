//go:build !windows

package session

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// GiveAll gives away what root created, and nothing that the directory's owner could have put
// there to get it.
func TestGiveAll(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	const nobody = 65534
	top := t.TempDir()
	dir, secret := filepath.Join(top, "queue"), filepath.Join(top, "root-secret")
	path := func(name string) string { return filepath.Join(dir, name) }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(path("receipts"), 0o700))
	for _, f := range []string{secret, path("1.seg"), path("receipts/a.log")} {
		check(os.WriteFile(f, nil, 0o600))
	}
	check(os.Link(secret, path("2.seg")))
	check(os.Symlink(secret, path("3.seg")))
	check(syscall.Mkfifo(path("4.seg"), 0o600))
	check(os.Chown(dir, nobody, nobody))
	check(GiveAll(dir))
	for f, want := range map[string]uint32{
		path("1.seg"): nobody, path("receipts"): nobody, path("receipts/a.log"): nobody,
		secret: 0, path("2.seg"): 0, path("3.seg"): 0, path("4.seg"): 0,
	} {
		info, err := os.Lstat(f)
		check(err)
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", f, got, want)
		}
	}
}
