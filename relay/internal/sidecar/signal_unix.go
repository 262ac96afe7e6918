//go:build unix

package sidecar

import (
	"os"
	"syscall"
)

// hangup returns the signal that triggers a reload.
func hangup() os.Signal { return syscall.SIGHUP }
