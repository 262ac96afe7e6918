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

// Open connects to the running relay of the command's config. If none answers, it opens
// the queue directory: read-only, or with write for changes.
func Open(c *cobra.Command, write bool) (*session.Session, error) {
	cfg, _, err := LoadConfig(c)
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
	return session.OpenLocal(c.Context(), cfg, write)
}

// WithSession calls do with a session opened by Open, and closes it.
func WithSession(c *cobra.Command, write bool, do func(context.Context, *session.Session) error) error {
	d, err := Open(c, write)
	if err != nil {
		return err
	}
	defer d.Close()
	return session.Coded(do(c.Context(), d))
}

// Online calls do with a client of the running relay, for commands that need one.
func Online(c *cobra.Command, do func(context.Context, *api.Client) error) error {
	cfg, _, err := LoadConfig(c)
	if err != nil {
		return err
	}
	client := control.Client(cfg)
	defer client.Close()
	err = do(c.Context(), client)
	if errors.Is(err, api.ErrUnreachable) && control.Absent(err) {
		return control.NotRunning(cfg)
	}
	return session.Coded(err)
}

// OpenForImport is Open for an import, which creates the queue directory if it does not
// exist. A dry run gets a nil session if no relay is running.
func OpenForImport(c *cobra.Command, dryRun bool) (*session.Session, *config.Config, error) {
	cfg, _, err := LoadConfig(c)
	if err != nil {
		return nil, nil, err
	}
	client := control.Client(cfg)
	if !dryRun && !cfg.Queue.NATS.On() {
		if err := session.MakeQueueDir(cfg.Dir()); err != nil {
			return nil, nil, err
		}
	}
	// A starting relay has the queue open but does not answer yet.
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
