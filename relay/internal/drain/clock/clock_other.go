//go:build !linux

package clock

import "time"

// NTPSynced says that the kernel's clock is disciplined, where that can be
// asked; elsewhere only the Date header of answers is believed.
func NTPSynced() bool { return false }

// Boot names the start of the machine, where that is known; elsewhere it is empty.
func Boot() (id string, up func() time.Duration) { return "", nil }
