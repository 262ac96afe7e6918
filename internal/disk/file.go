package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TempSuffix ends the name of every temporary file.
const TempSuffix = ".tmp"

// WriteFile makes path a file of mode that holds parts, in the place of what
// was there. After an error before the rename, the old file is untouched.
func WriteFile(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, os.Rename, writeParts(parts))
}

// Create is WriteFile for a path where nothing is yet: if something is there,
// or another process is faster, it changes nothing and the error is
// fs.ErrExist.
func Create(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, renameNew, writeParts(parts))
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

// place has a temporary file written and moves it to path.
func place(path string, mode fs.FileMode, move func(from, to string) error, write func(*os.File) error) error {
	tmp, err := writeTemp(path, mode, write)
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

// writeTemp writes and syncs a new file beside path. On error nothing is left
// of it.
func writeTemp(path string, mode fs.FileMode, write func(*os.File) error) (tmp string, err error) {
	var r [8]byte
	rand.Read(r[:])
	tmp = path + "." + hex.EncodeToString(r[:]) + TempSuffix
	// O_EXCL follows no symbolic link, and finds no file that others hold open.
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	err = widen(f, mode)
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(tmp)
		return "", err
	}
	return tmp, nil
}

// widen gives f the rights that the umask took away.
func widen(f *os.File, mode fs.FileMode) error {
	info, err := f.Stat()
	if err != nil || info.Mode().Perm()&mode == mode {
		return err
	}
	return f.Chmod(mode)
}

// Clean removes the temporary files that a crash has left in dir. The caller
// owns dir: nobody else writes files in it meanwhile.
func Clean(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clean directory: %w", err)
	}
	for _, e := range es {
		if !isTemp(e.Name()) || e.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean directory: %w", err)
		}
	}
	return nil
}

// isTemp recognises the names that writeTemp makes.
func isTemp(name string) bool {
	base, ok := strings.CutSuffix(name, TempSuffix)
	at := len(base) - 17
	if !ok || at < 1 || base[at] != '.' {
		return false
	}
	_, err := hex.DecodeString(base[at+1:])
	return err == nil
}
