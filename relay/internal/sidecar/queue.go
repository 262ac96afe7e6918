package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local"
	"relay/relay/internal/advice"
	"relay/relay/internal/exit"
)

func openQueue(cfg *config.Config, clock func() (time.Time, bool), log *slog.Logger) (*local.Queue, error) {
	o, err := queueOptions(cfg, clock, log)
	if err != nil {
		return nil, err
	}
	q, err := local.Open(cfg.Queue.Path, o)
	if errors.Is(err, local.ErrTooSmall) {
		return nil, cfg.Invalid("queue.max_size", "%s is more than the volume of %s has; leave it out for the smaller of 4 GiB and 80 %% of it",
			advice.Size(cfg.Queue.MaxSize), cfg.Queue.Path)
	}
	return q, QueueError(err)
}

// installationSecret is the secret that fingerprints are made with, and whether
// it was made just now. The caller holds the queue's lock.
func installationSecret(cfg *config.Config) (secret []byte, made bool, err error) {
	_, err = seal.ReadSecret(cfg.Queue.Path)
	made = errors.Is(err, fs.ErrNotExist)
	secret, err = seal.Secret(cfg.Queue.Path)
	if errors.Is(err, seal.ErrDamaged) || errors.Is(err, fs.ErrPermission) {
		err = exit.BadConfig(err) // until somebody puts it right
	}
	return secret, made, err
}

// QueueError gives an error of opening a queue its exit code.
func QueueError(err error) error {
	var locked *local.LockedError
	var planted *disk.PlantedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &planted):
		return exit.BadConfig(err) // until somebody puts it right
	case errors.As(err, &locked):
		return exit.TryLater(err)
	case errors.Is(err, local.ErrTooSmall), errors.Is(err, local.ErrKey), errors.Is(err, local.ErrNewerFormat), errors.Is(err, local.ErrOlderFormat):
		return exit.BadConfig(err)
	}
	return fmt.Errorf("open queue: %w", err)
}
