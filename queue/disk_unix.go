//go:build linux || darwin || freebsd

package queue

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of a directory, for one process alone or, to read,
// for several. The kernel releases it when the process dies.
func lockFile(f *os.File, shared bool) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLockHeld
	}
	return err
}

// syncDir makes names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// diskSize is what the file takes on its volume: holes do not count.
func diskSize(fi os.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return fi.Size()
}

// volume says how large the volume of dir is, what of it is free for us, and how many
// files it can still take (-1: it does not say).
func volume(dir string) (size, free, files int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, 0, fmt.Errorf("ask volume: %w", err)
	}
	bs := int64(st.Bsize)
	files = int64(st.Ffree)
	if st.Files == 0 {
		files = -1
	}
	return int64(st.Blocks) * bs, int64(st.Bavail) * bs, files, nil
}

// noSpace says that a write failed for want of room, which leaves what was
// there before as it was.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}
