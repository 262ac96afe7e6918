package disk

import (
	"io/fs"
	"runtime"
)

// Volume is the file system under a path.
type Volume struct {
	Size, Free       int64  // bytes; Free: for this user
	Files, FreeFiles int64  // how many it can hold, and can still take; Files 0: it does not say
	Kind             string // nfs, smb, fuse, 9p, tmpfs, ramfs, overlay; empty: an ordinary one, or not known
}

// Rights are the rights of a file that mean something: Windows has none of this
// kind.
func Rights(info fs.FileInfo) fs.FileMode {
	if runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode().Perm()
}
