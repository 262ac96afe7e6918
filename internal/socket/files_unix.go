//go:build !windows

package socket

import "syscall"

// OpenFiles is how many files this process may have open.
func OpenFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(uint64(l.Cur), 1<<20)) //nolint:unconvert // signed on some systems
}
