//go:build unix

package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOthersRead: other users can read a file if every directory on its path lets them through.
func TestOthersRead(t *testing.T) {
	dir := t.TempDir()
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if info, err := os.Stat(at); err != nil || info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(at, 0o755); err != nil { // only the test's own directories
				t.Skip("what lies here is not reachable for others")
			}
		}
	}
	open, closed := filepath.Join(dir, "open"), filepath.Join(dir, "closed")
	for path, mode := range map[string]os.FileMode{open: 0o755, closed: 0o700} {
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "token"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(open, "private"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"in": filepath.Join(closed, "token"), "out": filepath.Join(open, "token")} {
		for _, from := range []string{open, closed} {
			if err := os.Symlink(to, filepath.Join(from, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, want := range map[string]bool{
		"open/token": true, "open/private": false, "closed/token": false, "open/in": false, "open/out": true, "closed/out": true, "none": false,
	} {
		if got := OthersRead(filepath.Join(dir, path)); got != want {
			t.Errorf("OthersRead(%s) = %t, want %t", path, got, want)
		}
	}
}
