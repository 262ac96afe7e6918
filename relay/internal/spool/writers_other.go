//go:build !linux

package spool

import "os"

// beingWritten: only Linux says so. Windows does not move a file that is open.
func beingWritten(*os.File) bool { return false }
