// Package cputime measures the processor time of a call, for tests. Unlike a clock it does not
// count the time other programs take on a busy machine.
package cputime

import (
	"runtime"
	"time"
)

// Of returns the processor time that fn takes on the calling goroutine; work that fn leaves to
// other goroutines is not counted. On systems without such a clock it is the elapsed time.
func Of(fn func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := now()
	fn()
	return now() - begun
}
