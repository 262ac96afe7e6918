package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"relay/internal/disk"
	"relay/queue/local/internal/step"
)

// Write atomically writes parts to the file at path.
func Write(path string, noSync bool, parts ...[]byte) error {
	if !noSync {
		defer step.Begin(step.Place, path)()
		return disk.WriteFile(path, 0o600, parts...)
	}
	return Place(path, noSync, func(tmp string) error { return os.WriteFile(tmp, bytes.Join(parts, nil), 0o600) })
}

// Place calls write to create and sync a file under a temporary name, and moves the
// file to path.
func Place(path string, noSync bool, write func(tmp string) error) error {
	tmp := disk.TempName(path)
	err := write(tmp)
	if err == nil {
		err = Replace(tmp, path, noSync)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("make %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Replace moves tmp, which is complete and synced, to path.
func Replace(tmp, path string, noSync bool) error {
	defer step.Begin(step.Place, path)()
	if noSync {
		return os.Rename(tmp, path)
	}
	return disk.Replace(tmp, path)
}

// Remove removes the file at path if it exists. A power cut can bring it back until
// its directory is synced.
func Remove(path string) error {
	defer step.Begin(step.Unlink, path)()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// Truncate cuts the file at path to size bytes.
func Truncate(path string, size int64) error {
	defer step.Begin(step.Write, path)()
	return os.Truncate(path, size)
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	defer step.Begin(step.SyncDir, dir)()
	return disk.SyncDir(dir)
}
