package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"relay/internal/disk"
)

// writeFile makes path a file that holds parts, in the place of one of its name.
func writeFile(path string, noSync bool, parts ...[]byte) error {
	if !noSync {
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
	if noSync {
		return os.Rename(tmp, path)
	}
	return disk.Replace(tmp, path)
}
