package queue

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock of a directory, for one process alone or, to read,
// for several. The byte locked lies far behind the process id, which others read.
func lockFile(f *os.File, shared bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLockHeld
	}
	return err
}

// syncDir: NTFS journals names itself, and directories cannot be synced.
func syncDir(string) error { return nil }

func diskSize(fi os.FileInfo) int64 { return fi.Size() }

// volume says how large the volume of dir is and what of it is free for us.
func volume(dir string) (size, free, files int64, err error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("ask volume: %w", err)
	}
	var avail, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(p, &avail, &total, &all); err != nil {
		return 0, 0, 0, fmt.Errorf("ask volume: %w", err)
	}
	return int64(total), int64(avail), -1, nil
}

func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
