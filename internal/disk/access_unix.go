//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// canUse reports whether permissions let this process read and write path, and enter a
// directory.
func canUse(path string, dir bool) bool {
	mode := uint32(unix.R_OK | unix.W_OK)
	if dir {
		mode |= unix.X_OK
	}
	return allows(path, mode)
}

// canEnter reports whether permissions let this process enter a directory.
func canEnter(dir string) bool { return allows(dir, unix.X_OK) }

func allows(path string, mode uint32) bool {
	return !errors.Is(unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS), fs.ErrPermission)
}

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
