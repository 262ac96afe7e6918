package clock

import (
	"bytes"
	"sync/atomic"
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
//
// It is asked for each event that comes in, and asks the kernel once a second.
func NTPSynced() bool {
	now := int64(time.Since(started)) + 1
	if at := asked.at.Load(); at != 0 && now-at < int64(time.Second) {
		return asked.synced.Load()
	}
	synced := ntpSynced()
	asked.synced.Store(synced)
	asked.at.Store(now)
	return synced
}

var (
	started = time.Now()
	asked   struct {
		at     atomic.Int64 // since started; 0: never
		synced atomic.Bool
	}
)

func ntpSynced() bool {
	const timeError = 5 // TIME_ERROR
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&unix.STA_UNSYNC == 0
}
