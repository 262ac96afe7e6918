package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNew renames from to to unless to exists. Some file systems (NFS) cannot do that: there it
// takes two steps, of which the first decides.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return linkNew(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
