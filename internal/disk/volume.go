package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Volume is the file system under a path.
type Volume struct {
	Size, Free       int64  // bytes; Free: for this user
	Files, FreeFiles int64  // how many it can hold, and can still take; Files 0: it does not say
	Kind             string // nfs, smb, fuse, 9p, tmpfs, ramfs, overlay; empty: an ordinary one, or not known
}

// OthersRead says whether any user of the machine can read a file: it allows that, and so
// does every folder on the way, wherever links lead.
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

// Rights are the rights of a file that mean something: Windows has none of this
// kind.
func Rights(info fs.FileInfo) fs.FileMode {
	if runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode().Perm()
}
