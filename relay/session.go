package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/internal/api"
	"relay/relay/internal/session"
	"relay/relay/internal/sidecar"
)

// openSession connects to the relay that the config describes. When none answers
// it opens the queue itself: for reading, or with write for changes too.
func openSession(c *cobra.Command, write bool) (*session.Session, error) {
	cfg, _, err := config.Load(configPath(c), config.Options{})
	if err != nil {
		return nil, err
	}
	client := sidecar.ControlClient(cfg)
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

// withSession runs a command in a session.
func withSession(c *cobra.Command, write bool, do func(context.Context, *session.Session) error) error {
	d, err := openSession(c, write)
	if err != nil {
		return err
	}
	defer d.Close()
	return session.Coded(do(c.Context(), d))
}

// online is withSession for what only a running relay can do.
func online(c *cobra.Command, do func(context.Context, *api.Client) error) error {
	cfg, _, err := config.Load(configPath(c), config.Options{})
	if err != nil {
		return err
	}
	client := sidecar.ControlClient(cfg)
	defer client.Close()
	return session.Coded(do(c.Context(), client))
}
