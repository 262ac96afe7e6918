// Package systemd tells the service manager how relay stands.
package systemd

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Under systemd (Type=notify) the service counts as started once every
// listener is bound and the queue takes events, as reloading while files are
// read again, and as stuck when its own health address no longer answers.
// Elsewhere NOTIFY_SOCKET is not set and all of this does nothing.

func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// Ready says that relay serves.
func Ready(status string) {
	notify(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

// Reloading says that files are read again.
func Reloading() {
	notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() + "STATUS=Reading config and mapping")
}

// Stopping says that relay ends.
func Stopping() { notify(daemon.SdNotifyStopping + "\nSTATUS=Stopping") }

// Reloaded ends what Reloading began; a refused file leaves the
// service running, and says so in `systemctl status`.
func Reloaded(refused string) {
	status := "Running"
	if refused != "" {
		line, _, _ := strings.Cut(refused, "\n")
		status = "Running with what was in force; refused: " + line
	}
	Ready(status)
}

// KeepWatchdog tells systemd's watchdog that relay is alive as long as ask
// succeeds. What is asked is the process, not the disk: a disk that hangs is
// answered with 503 and heals by itself, a restart would not help.
func KeepWatchdog(ctx context.Context, ask func(context.Context) error) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit <= 0 {
		return
	}
	t := time.NewTicker(limit / 3)
	defer t.Stop()
	for {
		one, cancel := context.WithTimeout(ctx, limit/3)
		if ask(one) == nil {
			notify(daemon.SdNotifyWatchdog)
		}
		cancel()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
