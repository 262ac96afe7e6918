package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"relay/config"
	"relay/relay/internal/memory"
)

// Serve opens a relay and runs it until ctx ends. A stop by a signal is a success.
func Serve(ctx context.Context, cfg *config.Config, log *slog.Logger, level *slog.LevelVar) error {
	mem := memory.Tune()
	defer mem.Restore()
	s, err := Open(cfg, log, level) //nolint:contextcheck // on failure it closes parts, which have their own deadlines
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
	go mem.Run(done)
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
