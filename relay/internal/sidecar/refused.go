package sidecar

import (
	"errors"
	"fmt"
	"io/fs"

	"relay/config"
	"relay/queue/local/directory"
	"relay/relay/internal/exit"
	"relay/relay/internal/spool"
)

// accessRefused explains an error that permissions caused: who cannot use which file of the
// queue or the spool directory, and the command that fixes it. Any other error is returned as
// it is.
func accessRefused(cfg *config.Config, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if !cfg.Queue.NATS.On() {
		if a := directory.Access(cfg.Dir()); a != nil {
			return exit.NotAllowed(fmt.Errorf("queue.path: %w, but relay runs as this user. Fix: %s", a, a.Fix()))
		}
	}
	if cfg.Spool.Dir != "" {
		if a, fix := spool.Access(cfg.Spool.Dir); a != nil {
			return exit.NotAllowed(fmt.Errorf("spool.dir: %w, but relay runs as this user. Fix: %s", a, fix))
		}
	}
	return err
}
