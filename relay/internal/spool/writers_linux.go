package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// beingWritten tells whether a program has f, which is open for reading, open for
// writing. Where the system does not say, because the file is another user's or
// lies elsewhere, it is false.
func beingWritten(f *os.File) bool {
	// A read lease is granted when nobody can write; it is given back at once.
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return errors.Is(err, unix.EAGAIN)
}
