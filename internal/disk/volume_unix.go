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

// VolumeOf returns the volume of a file or directory.
func VolumeOf(path string) (Volume, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Volume{}, fmt.Errorf("query volume: %w", err)
	}
	block := int64(s.Bsize)
	return Volume{
		Size: int64(s.Blocks) * block, Free: int64(s.Bavail) * block,
		Files: int64(s.Files), FreeFiles: int64(s.Ffree), Kind: kindOf(&s),
	}, nil
}

// Used is the space a file takes on its volume: holes do not count.
func Used(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}

// NoSpace reports whether a write failed for lack of space: of the volume, of the user's quota, or
// because of a file size limit. The previous content is unchanged.
func NoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// Own reports whether a file belongs to the user of this process.
func Own(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Geteuid()
}
