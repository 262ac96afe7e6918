package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"relay/internal/logs"
	"relay/relay/internal/cli"
	"relay/relay/internal/logging"
	"relay/relay/internal/session"
	"relay/relay/internal/sidecar"
)

func newRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run [--config relay.yaml]",
		Short: "Run relay in the foreground",
		Long: `Runs relay until SIGTERM or SIGINT. The first signal lets requests in progress finish;
a second one stops relay at once. No event is lost either way. relay reloads config and
mapping when the files change; SIGHUP makes it reload them at once.`,
		Example: "  relay run --config /etc/relay/relay.yaml",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, warnings, err := cli.LoadConfig(c)
			if err != nil {
				return err
			}
			level := new(slog.LevelVar)
			log := logging.New(c.ErrOrStderr(), cfg.Log, level)
			for _, w := range warnings {
				log.Warn("config has a warning", "code", logs.ConfigWarning, "at", w.Error())
			}
			err = sidecar.Serve(c.Context(), cfg, log, level)
			if !cfg.Queue.NATS.On() { // run by root, once, in the queue of relay's user
				err = errors.Join(err, session.GiveAll(cfg.Dir()))
			}
			return err
		},
	}
	cli.AddConfigFlag(c)
	return c
}
