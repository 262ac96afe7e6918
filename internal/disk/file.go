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
)

// WriteFile makes path a file of mode that holds parts, in the place of what
// was there. On an error before the rename, the old file is untouched.
func WriteFile(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, os.Rename, writeParts(parts))
}

// Create is WriteFile for a path where nothing is yet: if something is there,
// or another process is faster, it changes nothing and the error is
// fs.ErrExist.
func Create(path string, mode fs.FileMode, parts ...[]byte) error {
	return place(path, mode, renameNew, writeParts(parts))
}

// CreateWith is Create with a function that writes the content. It may read and
// seek in the file, which has a temporary name until then.
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

// place has a temporary file written and moves it to path.
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

// writeNew writes and syncs a file that is not there. On error nothing is left
// of it.
func writeNew(path string, mode fs.FileMode, write func(*os.File) error) error {
	// O_EXCL follows no symbolic link, and opens no file that others hold.
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

// widen gives f the rights that the umask took away.
func widen(f *os.File, mode fs.FileMode) error {
	info, err := f.Stat()
	if err != nil || info.Mode().Perm()&mode == mode {
		return err
	}
	return f.Chmod(mode)
}

// Copy writes and syncs the first size bytes of from, all when size is
// negative, to a new file for its owner alone. The caller syncs the directory,
// and removes the copy after an error or a crash: Copy is for a directory that
// is not in use before all of it is copied.
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

// Replace moves tmp, a file that is whole and synced, to path, and makes that
// durable. It is the second half of WriteFile, for files that others write.
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

// TempName returns a name beside path that nobody has, for a file that becomes
// path. Clean recognises it.
func TempName(path string) string {
	var r [tempRandom]byte
	rand.Read(r[:])
	return path + "." + hex.EncodeToString(r[:]) + tempSuffix
}

// IsTemp says whether TempName gave this name.
func IsTemp(name string) bool {
	base, ok := strings.CutSuffix(name, tempSuffix)
	at := len(base) - 2*tempRandom - 1
	if !ok || at < 1 || base[at] != '.' {
		return false
	}
	_, err := hex.DecodeString(base[at+1:])
	return err == nil
}

// Clean removes the temporary files that a crash has left in dir. The caller
// owns dir: nobody else writes files in it meanwhile.
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

// MakeDir makes dir, for its owner alone, and what leads to it, durably.
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
	if err := SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) { // not ours to open
		return err
	}
	return nil
}
