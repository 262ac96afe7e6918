package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local"
	"relay/queue/local/directory"
	"relay/relay/internal/admin"
	"relay/relay/internal/advice"
	"relay/relay/internal/backup"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
)

// store is the queue of a relay: *local.Queue or *jetstream.Queue.
type store interface {
	admin.Queue
	drain.Log
	admin.Imports
	forward.Log
	SetKeys(key []byte, old ...[]byte) error
	PrintSecret() []byte
	Began() queue.Seq
	Close() error
}

// openStore opens the queue of cfg. It returns the installation's secret and whether it
// was just created.
func (s *Sidecar) openStore(cfg *config.Config) (secret []byte, made bool, err error) {
	if cfg.Queue.NATS.On() {
		if s.nats, err = openNATS(cfg, s.keys, s.log); err != nil {
			return nil, false, err
		}
		s.queue = s.nats
		return s.nats.InstallationSecret(), false, nil
	}
	q, err := openQueue(cfg, s.trustedClock, s.log)
	if err != nil {
		return nil, false, err
	}
	s.queue = q
	if err = backup.CleanCopies(cfg.Dir()); err != nil {
		return nil, false, err
	}
	if err = logRestored(cfg.Dir(), s.log); err != nil {
		return nil, false, err
	}
	return installationSecret(cfg)
}

// queueLocation returns where the queue of cfg is, for the log.
func queueLocation(cfg *config.Config) string {
	if n := &cfg.Queue.NATS; n.On() {
		return n.Name + " on " + strings.Join(n.URLs, ", ")
	}
	return cfg.Queue.Path
}

func openQueue(cfg *config.Config, clock func() (time.Time, bool), log *slog.Logger) (*local.Queue, error) {
	o, err := queueOptions(cfg, clock, log)
	if err != nil {
		return nil, err
	}
	q, err := openDir(cfg.Dir(), o)
	return q, openError(cfg, err)
}

// openDir opens the queue in dir, unless a restore into it has not finished.
func openDir(dir string, o local.Options) (*local.Queue, error) {
	if a := directory.Access(dir); a != nil { // also what is opened later, such as the dead letters
		return nil, fmt.Errorf("open queue: %w", a)
	}
	if err := checkRestored(dir); err != nil {
		return nil, err
	}
	return local.Open(dir, o)
}

// openError explains an error from opening the queue of cfg, and gives it its exit code.
func openError(cfg *config.Config, err error) error {
	if errors.Is(err, local.ErrTooSmall) {
		return cfg.Invalid("queue.max_size", "%s is more than the size of the volume of %s; omit the key for the smaller of 4 GiB and 80 %% of the volume",
			advice.Size(cfg.Queue.MaxSize), cfg.Dir())
	}
	if err != nil {
		if wrong := CheckQueuePath(cfg); wrong != nil {
			return wrong
		}
	}
	return QueueError(err)
}

// CheckQueuePath returns an error if queue.path can never be a directory: it is a file, or a
// link without a target.
func CheckQueuePath(cfg *config.Config) error {
	if cfg.Queue.NATS.On() {
		return nil
	}
	dir := cfg.Dir()
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return cfg.Invalid("queue.path", "%s is a file, not a directory", dir)
	}
	if target, linkErr := os.Readlink(dir); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return cfg.Invalid("queue.path", "%s is a link to %s, which does not exist: create or mount that directory, or correct the link", dir, target)
	}
	return nil
}

// installationSecret reads the secret of the fingerprints, or creates it; made reports
// which. The caller holds the queue's lock.
func installationSecret(cfg *config.Config) (secret []byte, made bool, err error) {
	_, err = seal.ReadSecret(cfg.Dir())
	made = errors.Is(err, fs.ErrNotExist)
	secret, err = seal.Secret(cfg.Dir())
	if errors.Is(err, seal.ErrDamaged) {
		err = exit.BadConfig(err) // a restart does not help
	}
	return secret, made, err
}

// QueueError gives an error from opening a queue its exit code.
func QueueError(err error) error {
	var locked *local.LockedError
	var planted *disk.PlantedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &planted):
		return exit.BadConfig(err) // a restart does not help
	case errors.As(err, &locked):
		return exit.TryLater(fmt.Errorf("%w: a relay, or a command that opened the queue; stop it, or wait until it has ended", err))
	case errors.Is(err, local.ErrTooSmall), errors.Is(err, local.ErrKey), errors.Is(err, local.ErrNewerFormat), errors.Is(err, local.ErrOlderFormat):
		return exit.BadConfig(err)
	}
	return fmt.Errorf("open queue: %w", err)
}
