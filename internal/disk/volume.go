package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Volume is the file system of a path.
type Volume struct {
	Size, Free       int64  // bytes; Free: for this user
	Files, FreeFiles int64  // how many files it can hold, and how many more; Files 0: unknown
	Kind             string // nfs, smb, fuse, 9p, tmpfs, ramfs, overlay; empty: an ordinary one, or unknown
}

// OthersRead reports whether any user of the machine can read a file: its mode and every directory
// on its path, through all links, allow it.
func OthersRead(path string) bool {
	info, err := os.Stat(path)
	if err != nil || Rights(info)&0o004 == 0 {
		return false
	}
	at, err := filepath.EvalSymlinks(path)
	if err == nil {
		at, err = filepath.Abs(at)
	}
	if err != nil {
		return true
	}
	for dir := filepath.Dir(at); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && Rights(info)&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// Rights returns the permissions of a file that have a meaning: Windows has none of this kind.
func Rights(info fs.FileInfo) fs.FileMode {
	if runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode().Perm()
}
