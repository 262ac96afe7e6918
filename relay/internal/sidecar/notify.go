package sidecar

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"relay/relay/internal/api"
)

// Under systemd (Type=notify) the service counts as started once every
// listener is bound and the queue takes events, as reloading while files are
// read again, and as stuck when its own health address no longer answers.
// Elsewhere NOTIFY_SOCKET is not set and all of this does nothing.

func notifySystemd(state string) { _, _ = daemon.SdNotify(false, state) }

func notifyReady(status string) {
	notifySystemd(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

func notifyReloading() {
	notifySystemd(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() + "STATUS=Reading config and mapping")
}

func notifyStopping() { notifySystemd(daemon.SdNotifyStopping + "\nSTATUS=Stopping") }

// notifyReloaded ends what notifyReloading began; a refused file leaves the
// service running, and says so in `systemctl status`.
func notifyReloaded(r api.ReloadResult) {
	status := "Running"
	if !r.Success {
		line, _, _ := strings.Cut(r.Message, "\n")
		status = "Running with what was in force; refused: " + line
	}
	notifyReady(status)
}

// keepWatchdog tells systemd's watchdog that relay is alive as long as ask
// succeeds. What is asked is the process, not the disk: a disk that hangs is
// answered with 503 and heals by itself, a restart would not help.
func keepWatchdog(ctx context.Context, ask func(context.Context) error) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit <= 0 {
		return
	}
	t := time.NewTicker(limit / 3)
	defer t.Stop()
	for {
		one, cancel := context.WithTimeout(ctx, limit/3)
		if ask(one) == nil {
			notifySystemd(daemon.SdNotifyWatchdog)
		}
		cancel()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
