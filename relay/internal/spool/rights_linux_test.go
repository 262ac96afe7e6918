package spool

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// dropRights removes root's ability to ignore file permissions from this goroutine. Its thread ends
// with it.
func dropRights(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&head, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&head, &caps[0]); err != nil {
		t.Fatal(err)
	}
}
