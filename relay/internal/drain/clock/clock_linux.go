package clock

import (
	"bytes"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"relay/internal/disk"
)

// Boot identifies the machine's start and returns how long it has run, including sleep. It is
// for drain.Options.Boot.
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

// NTPSynced reports whether NTP keeps the kernel's clock: adjtimex(2) does not report it as
// unsynchronised. It is for drain.Options.ClockSynced. It is called for each event received,
// so it asks the kernel at most once a second.
func NTPSynced() bool {
	now := int64(time.Since(started)) + 1
	if at := cached.at.Load(); at != 0 && now-at < int64(time.Second) {
		return cached.synced.Load()
	}
	synced := ntpSynced()
	cached.synced.Store(synced)
	cached.at.Store(now)
	return synced
}

var (
	started = time.Now()
	cached  struct {
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
