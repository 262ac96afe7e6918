//go:build !linux

package spool

import "os"

// beingWritten returns false: only Linux reports writers. Windows does not move an open file.
func beingWritten(*os.File) bool { return false }
