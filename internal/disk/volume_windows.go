package disk

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows"
)

// VolumeOf returns the volume of a directory.
func VolumeOf(dir string) (Volume, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Volume{}, fmt.Errorf("query volume: %w", err)
	}
	var avail, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(p, &avail, &total, &all); err != nil {
		return Volume{}, fmt.Errorf("query volume: %w", err)
	}
	return Volume{Size: int64(total), Free: int64(avail)}, nil
}

// Used is the space a file takes on its volume, as far as known.
func Used(info fs.FileInfo) int64 { return info.Size() }

// NoSpace reports whether a write failed for lack of space. The previous content is unchanged.
func NoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Own returns true: on Windows permissions are in the ACL.
func Own(fs.FileInfo) bool { return true }
