package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/queue/local"
	"relay/relay/internal/api"
	"relay/relay/internal/control"
	"relay/relay/internal/session"
)

// Open connects to the relay that the config describes. When none answers
// it opens the queue itself: for reading, or with write for changes too.
func Open(c *cobra.Command, write bool) (*session.Session, error) {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return nil, err
	}
	client := control.Client(cfg)
	_, err = client.Ping(c.Context())
	if err == nil {
		return session.Connected(client), nil
	}
	if !errors.Is(err, api.ErrUnreachable) {
		return nil, session.NotReached(err)
	}
	d, lerr := session.OpenLocal(c.Context(), cfg, write)
	if lerr != nil {
		return nil, lerr
	}
	return d, nil
}

// WithSession runs a command in a session.
func WithSession(c *cobra.Command, write bool, do func(context.Context, *session.Session) error) error {
	d, err := Open(c, write)
	if err != nil {
		return err
	}
	defer d.Close()
	return session.Coded(do(c.Context(), d))
}

// Online is WithSession for what only a running relay can do.
func Online(c *cobra.Command, do func(context.Context, *api.Client) error) error {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return err
	}
	client := control.Client(cfg)
	defer client.Close()
	return session.Coded(do(c.Context(), client))
}

// OpenForImport is Open for an import, which may be the first thing that
// ever happens to a queue. A dry run gets no session when no relay runs.
func OpenForImport(c *cobra.Command, dryRun bool) (*session.Session, *config.Config, error) {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return nil, nil, err
	}
	client := control.Client(cfg)
	if !dryRun && !cfg.Queue.NATS.On() {
		if err := session.MakeQueueDir(cfg.Dir()); err != nil {
			return nil, nil, err
		}
	}
	// A relay that is just starting holds the queue but does not answer yet.
	for tries := 0; ; tries++ {
		_, err = client.Ping(c.Context())
		switch {
		case err == nil:
			return session.Connected(client), cfg, nil
		case !errors.Is(err, api.ErrUnreachable):
			return nil, nil, session.NotReached(err)
		case dryRun:
			return nil, cfg, nil
		}
		d, err := session.OpenLocal(c.Context(), cfg, true)
		if err == nil || !errors.As(err, new(*local.LockedError)) || tries == 20 {
			return d, cfg, err
		}
		timer := time.NewTimer(500 * time.Millisecond)
		select {
		case <-timer.C:
		case <-c.Context().Done():
			timer.Stop()
			return nil, nil, context.Cause(c.Context())
		}
	}
}
