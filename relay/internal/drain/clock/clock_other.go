//go:build !linux && !windows

package clock

import "time"

// NTPSynced reports whether NTP keeps the kernel's clock. On this system that is unknown, so
// only the Date header of answers is trusted.
func NTPSynced() bool { return false }

// Boot identifies the machine's start. On this system it is unknown.
func Boot() (id string, up func() time.Duration) { return "", nil }
