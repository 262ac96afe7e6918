package disk

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows"
)

// VolumeOf asks for the volume of a directory.
func VolumeOf(dir string) (Volume, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Volume{}, fmt.Errorf("ask volume: %w", err)
	}
	var avail, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(p, &avail, &total, &all); err != nil {
		return Volume{}, fmt.Errorf("ask volume: %w", err)
	}
	return Volume{Size: int64(total), Free: int64(avail)}, nil
}

// Used is what a file takes on its volume, as far as it is known.
func Used(info fs.FileInfo) int64 { return info.Size() }

// NoSpace says that a write failed for want of room. What was there before is as
// it was.
func NoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Own: who may what is in the ACL there.
func Own(fs.FileInfo) bool { return true }
