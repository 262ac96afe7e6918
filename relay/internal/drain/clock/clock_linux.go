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
// so it asks the kernel at most once a second, and after each step of the wall clock: whoever sets the
// clock ends its synchronisation.
func NTPSynced() bool {
	now := time.Now()
	c := cached.Load()
	if c == nil || now.Sub(c.at) >= time.Second || (now.Round(0).Sub(c.at.Round(0))-now.Sub(c.at)).Abs() >= time.Second {
		c = &syncState{at: now, synced: ntpSynced()} // read after now: a step in between is noticed next time
		cached.Store(c)
	}
	return c.synced
}

// syncState is what the kernel returned.
type syncState struct {
	at     time.Time
	synced bool
}

var cached atomic.Pointer[syncState]

func ntpSynced() bool {
	const timeError = 5 // TIME_ERROR
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&unix.STA_UNSYNC == 0
}
