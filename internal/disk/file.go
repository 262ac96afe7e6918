package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WriteFile writes parts to a file with the given mode, replacing any file at path. If an error
// occurs before the rename, the old file is unchanged.
func WriteFile(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, os.Rename, writeParts(parts))
}

// Create is like WriteFile for a path that must not exist. If it exists, or another process creates
// it first, nothing is changed and the error is fs.ErrExist.
func Create(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, renameNew, writeParts(parts))
}

// CreateWith is like Create, but write produces the content. It may read and seek in the file,
// which has a temporary name until write returns.
func CreateWith(path string, mode fs.FileMode, write func(*os.File) error) error {
	return place(path, mode, renameNew, write)
}

func writeParts(parts [][]byte) func(*os.File) error {
	return func(f *os.File) error {
		for _, p := range parts {
			if _, err := f.Write(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// place writes a temporary file and moves it to path.
func place(path string, mode fs.FileMode, move func(from, to string) error, write func(*os.File) error) error {
	tmp := TempName(path)
	err := writeNew(tmp, mode, write)
	if err == nil {
		if err = move(tmp, path); err != nil {
			_ = os.Remove(tmp)
		}
	}
	if err == nil {
		err = SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// writeNew writes and syncs a file that must not exist. On error it removes the file.
func writeNew(path string, mode fs.FileMode, write func(*os.File) error) error {
	// O_EXCL follows no symbolic link and opens no existing file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = widen(f, mode)
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// widen restores the permissions that the umask removed.
func widen(f *os.File, mode fs.FileMode) error {
	info, err := f.Stat()
	if err != nil || info.Mode().Perm()&mode == mode {
		return err
	}
	return f.Chmod(mode)
}

// Copy writes and syncs the first size bytes of from (all of them if size is negative) to a new
// file that only its owner can access. The caller syncs the directory, and removes the copy after
// an error or a crash: Copy is for a directory that is not used until it is complete.
func Copy(to, from string, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	defer in.Close()
	err = writeNew(to, 0o600, func(out *os.File) error {
		if size < 0 {
			_, err := io.Copy(out, in)
			return err
		}
		_, err := io.CopyN(out, in, size)
		return err
	})
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	return nil
}

// Replace renames tmp, a complete and synced file, to path and makes the name durable. It is the
// second half of WriteFile, for files that other code writes.
func Replace(tmp, path string) error {
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("replace file: %w", err)
	}
	return SyncDir(filepath.Dir(path))
}

const (
	tempSuffix = ".tmp"
	tempRandom = 8 // bytes, in hex
)

// TempName returns an unused name in the directory of path, for a file that will be renamed to
// path. Clean recognises it.
func TempName(path string) string {
	var r [tempRandom]byte
	rand.Read(r[:])
	return path + "." + hex.EncodeToString(r[:]) + tempSuffix
}

// IsTemp reports whether TempName returned this name.
func IsTemp(name string) bool {
	base, ok := strings.CutSuffix(name, tempSuffix)
	at := len(base) - 2*tempRandom - 1
	if !ok || at < 1 || base[at] != '.' {
		return false
	}
	_, err := hex.DecodeString(base[at+1:])
	return err == nil
}

// Clean removes the temporary files that a crash left in dir. The caller owns dir: no other process
// writes files in it meanwhile.
func Clean(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clean directory: %w", err)
	}
	for _, e := range es {
		if !IsTemp(e.Name()) || e.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean directory: %w", err)
		}
	}
	return nil
}

// CleanBeside removes the temporary files of path that killed processes left: those that nothing
// has written to for the age.
func CleanBeside(path string, age time.Duration) error {
	es, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("clean directory: %w", err)
	}
	for _, e := range es {
		if !IsTemp(e.Name()) || tempTarget(e.Name()) != filepath.Base(path) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > age {
			err = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean directory: %w", err)
		}
	}
	return nil
}

// tempTarget returns the name of the file that a temporary file becomes.
func tempTarget(name string) string {
	return name[:max(0, len(name)-len(tempSuffix)-2*tempRandom-1)]
}

// MakeDir durably creates dir, accessible only by its owner, and its parents.
func MakeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent != filepath.Clean(dir) {
		if err := MakeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) { // not allowed to open the parent
		return err
	}
	return nil
}
