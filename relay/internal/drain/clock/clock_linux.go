package clock

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"relay/internal/disk"
)

// Boot names the start of the machine and says how long it has run, its sleep
// included. It is for Options.Boot.
func Boot() (id string, up func() time.Duration) {
	text, err := disk.ReadFile("/proc/sys/kernel/random/boot_id", 4<<10)
	if err != nil {
		return "", nil
	}
	return string(bytes.TrimSpace(text)), func() time.Duration {
		var t unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
		return time.Duration(t.Nano())
	}
}

// NTPSynced says that the kernel's clock is disciplined: adjtimex(2) does not
// report it as unsynchronised. It is for Options.ClockSynced.
func NTPSynced() bool {
	const timeError = 5 // TIME_ERROR
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&unix.STA_UNSYNC == 0
}
