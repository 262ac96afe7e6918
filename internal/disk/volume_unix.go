//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// VolumeOf asks for the volume of a file or directory.
func VolumeOf(path string) (Volume, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Volume{}, fmt.Errorf("ask volume: %w", err)
	}
	block := int64(s.Bsize)
	return Volume{
		Size: int64(s.Blocks) * block, Free: int64(s.Bavail) * block,
		Files: int64(s.Files), FreeFiles: int64(s.Ffree), Kind: kindOf(&s),
	}, nil
}

// Used is what a file takes on its volume: holes do not count.
func Used(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// NoSpace says that a write failed for want of room: of the volume, the user's
// share of it, or what the file may grow to. What was there before is as it was.
func NoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// Own tells whether a file belongs to the user that this process runs as.
func Own(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Geteuid()
}
