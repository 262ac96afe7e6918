// Package systemd reports the state of relay to systemd (Type=notify): started once every
// listener is bound and the queue accepts events, reloading while files are read again, and
// hung if the process no longer answers. Without NOTIFY_SOCKET it does nothing.
package systemd

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// Ready reports that relay is running.
func Ready(status string) {
	notify(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

// Reloading reports that relay reads its files again. Reloaded ends it.
func Reloading() {
	notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() + "STATUS=Reading config and mapping")
}

// Stopping reports that relay is stopping.
func Stopping() { notify(daemon.SdNotifyStopping + "\nSTATUS=Stopping") }

// Reloaded reports that a reload has ended. If a file was refused, `systemctl status` shows
// the first line of refused.
func Reloaded(refused string) {
	status := "Running"
	if refused != "" {
		line, _, _ := strings.Cut(refused, "\n")
		status = "Running with the previous files; refused: " + line
	}
	Ready(status)
}

// KeepWatchdog notifies systemd's watchdog while ask succeeds, until ctx ends. ask must
// check the process, not the disk: a restart does not help against a disk that hangs.
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
