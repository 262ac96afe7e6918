package drain

import "golang.org/x/sys/unix"

// NTPSynced says that the kernel's clock is disciplined: adjtimex(2) does not
// report it as unsynchronised. It is for Options.ClockSynced.
func NTPSynced() bool {
	const timeError = 5 // TIME_ERROR
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&unix.STA_UNSYNC == 0
}
