//go:build unix

package disk

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Once Close has returned the lock is free, even if a child being started at that moment still has
// a copy of the file.
func TestCloseReleasesLockDuringFork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for _, shared := range []bool{false, true} {
		l, err := TakeLock(path, shared)
		if err != nil {
			t.Fatal(err)
		}
		child, err := unix.Dup(int(l.f.Fd())) // as fork does
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if again, err := TakeLock(path, false); err != nil {
			t.Errorf("shared %v: %v", shared, err)
		} else {
			_ = again.Close()
		}
		_ = unix.Close(child)
	}
}
