//go:build unix

package spool

import (
	"os"
	"syscall"

	"relay/internal/disk"
)

// setSticky prevents users who can drop files from moving each other's files and relay's, if the
// directory belongs to relay.
func setSticky(root *os.Root) {
	fi, err := root.Stat(".")
	if err == nil && disk.Own(fi) && fi.Mode()&os.ModeSticky == 0 && fi.Mode().Perm()&0o022 != 0 {
		_ = root.Chmod(".", fi.Mode().Perm()|fi.Mode()&os.ModeSetgid|os.ModeSticky) // not every file system supports it
	}
}

func syncIn(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// noWait makes opening a pipe not block.
const noWait = syscall.O_NONBLOCK
