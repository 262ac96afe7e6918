//go:build unix

package spool

import (
	"os"
	"syscall"

	"relay/internal/disk"
)

// stick keeps those who may drop files from moving each other's, and relay's, where
// the directory is relay's to say so.
func stick(root *os.Root) {
	fi, err := root.Stat(".")
	if err == nil && disk.Own(fi) && fi.Mode()&os.ModeSticky == 0 && fi.Mode().Perm()&0o022 != 0 {
		_ = root.Chmod(".", fi.Mode().Perm()|fi.Mode()&os.ModeSetgid|os.ModeSticky) // some file systems have no such thing
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

// noWait has an open that does not wait for whoever is at the other end of a pipe.
const noWait = syscall.O_NONBLOCK
