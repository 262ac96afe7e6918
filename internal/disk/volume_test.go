package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestVolumeOf(t *testing.T) {
	v, err := VolumeOf(t.TempDir())
	if err != nil || v.Size <= 0 || v.Free < 0 || v.Free > v.Size || v.FreeFiles > v.Files {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := VolumeOf(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

// Holes take no space.
func TestUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 64 << 20
	if err := errors.Join(f.Truncate(size), f.Sync()); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if used := Used(info); runtime.GOOS == "linux" && used > size/2 {
		t.Errorf("a hole of %d bytes uses %d", size, used)
	}
}

func TestNoSpaceRejectsOtherErrors(t *testing.T) {
	for _, err := range []error{nil, fs.ErrExist, fs.ErrPermission, errors.New("no space left on device")} {
		if NoSpace(err) {
			t.Errorf("NoSpace(%v) = true", err)
		}
	}
}
