package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// beingWritten reports whether a program has f, which is open for reading, open for writing. If
// the system cannot tell, because the file belongs to another user or is not local, it returns
// false.
func beingWritten(f *os.File) bool {
	// A read lease is granted if no program can write; it is returned at once.
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return errors.Is(err, unix.EAGAIN)
}
