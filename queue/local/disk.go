package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"relay/internal/disk"
	"relay/queue/local/internal/step"
)

// writeFile makes path a file that holds parts, in the place of one of its name.
func writeFile(path string, noSync bool, parts ...[]byte) error {
	if !noSync {
		defer step.Begin(step.Place, path)()
		return disk.WriteFile(path, 0o600, parts...)
	}
	return placeFile(path, noSync, func(tmp string) error { return os.WriteFile(tmp, bytes.Join(parts, nil), 0o600) })
}

// placeFile has a file made and synced under a temporary name and moves it to
// path.
func placeFile(path string, noSync bool, make func(tmp string) error) error {
	tmp := disk.TempName(path)
	err := make(tmp)
	if err == nil {
		err = replaceFile(tmp, path, noSync)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("make %s: %w", filepath.Base(path), err)
	}
	return nil
}

// replaceFile moves tmp, which is whole and synced, to path.
func replaceFile(tmp, path string, noSync bool) error {
	defer step.Begin(step.Place, path)()
	if noSync {
		return os.Rename(tmp, path)
	}
	return disk.Replace(tmp, path)
}

// removeFile removes a file, if it is there. A power cut may bring it back until
// its directory is synced.
func removeFile(path string) error {
	defer step.Begin(step.Unlink, path)()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	defer step.Begin(step.SyncDir, dir)()
	return disk.SyncDir(dir)
}

// setAside gives a damaged file a name under which it stays and is not opened.
func setAside(path string) error {
	defer step.Begin(step.Unlink, path)()
	return os.Rename(path, badName(path))
}

// keepCopy gives path a second name, or copies it where that is impossible.
func keepCopy(path, name string) error {
	defer step.Begin(step.Link, name)()
	if os.Link(path, name) == nil {
		return nil
	}
	return disk.Copy(name, path, -1)
}

// truncate gives back what lies behind size.
func truncate(path string, size int64) error {
	defer step.Begin(step.Write, path)()
	return os.Truncate(path, size)
}
