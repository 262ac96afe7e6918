//go:build unix

package disk

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A lock is free when Close has returned, though a child that was being started at that
// moment still holds a copy of the file.
func TestLockIsFreeBesideAFork(t *testing.T) {
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
