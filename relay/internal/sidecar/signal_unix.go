//go:build unix

package sidecar

import (
	"os"
	"syscall"
)

// hangup is the signal that asks for a reload.
func hangup() os.Signal { return syscall.SIGHUP }
