package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/logs"
)

func newRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run [--config relay.yaml]",
		Short: "The sidecar, in the foreground",
		Long: `Runs relay until SIGTERM or SIGINT, which let requests under way finish; a second
signal stops at once. Nothing is lost either way. SIGHUP reloads config and mapping,
which relay also does by itself when the files change.`,
		Example: "  relay run --config /etc/relay/relay.yaml",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, warnings, err := config.Load(configPath(c), config.Options{})
			if err != nil {
				return err
			}
			level := new(slog.LevelVar)
			log := newLogger(c.ErrOrStderr(), cfg.Log, level)
			for _, w := range warnings {
				log.Warn("config is suspicious", "code", logs.ConfigWarning, "at", w.Error())
			}
			return runSidecar(c.Context(), cfg, log, level)
		},
	}
	addConfigFlag(c)
	return c
}

// runSidecar opens and serves until ctx ends. A stop by signal is success.
func runSidecar(ctx context.Context, cfg *config.Config, log *slog.Logger, level *slog.LevelVar) error {
	mem := tuneMemory()
	defer mem.restore()
	s, err := openSidecar(cfg, log, level) //nolint:contextcheck // what it closes when it fails has deadlines of its own
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	if sig := hangup(); sig != nil {
		signal.Notify(hup, sig)
		defer signal.Stop(hup)
	}
	done := make(chan struct{})
	defer close(done)
	go mem.run(done)
	go func() {
		for {
			select {
			case <-hup:
				s.Reload(ctx)
			case <-done:
				return
			}
		}
	}()
	if err := s.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
