// Package cputime measures for tests what a call costs. A clock also counts what other
// programs take of a busy machine; this does not.
package cputime

import (
	"runtime"
	"time"
)

// Of returns the processor time that fn takes on the calling goroutine: what fn leaves to
// other goroutines is not counted. Where the system does not say, it is the time by the clock.
func Of(fn func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := now()
	fn()
	return now() - begun
}
