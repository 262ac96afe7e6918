package main

import (
	"context"
	"fmt"
	"log/slog"

	"relay/config"
	"relay/queue"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// openSpool makes the directory of dropped files ready, if there is to be one.
func (s *sidecar) openSpool(cfg *config.Config, prints track.PrintKey) error {
	if cfg.Spool == "" {
		return nil
	}
	s.dropped = make(chan struct{}, 1)
	var err error
	s.spool, err = spool.NewDirectory(spool.DirectoryOptions{
		Dir:           cfg.Spool,
		Queue:         countedAppends{s},
		Route:         func(event string) []string { return s.mapping.Mapping().Routes(event) },
		PrintKey:      prints,
		MaxEventBytes: int(cfg.Intake.MaxEventBytes),
		Notify:        s.dropped,
		Logger:        slog.New(fileNames{s.log.Handler()}),
	})
	if err != nil {
		return badConfig(fmt.Errorf("spool: %w", err))
	}
	return nil
}

func (s *sidecar) watchSpool(ctx context.Context) error {
	return config.Drops(ctx, s.started.Spool, s.started.Watch.Mode, s.dropped, s.log)
}

// countedAppends is the queue with the metrics of what comes in.
type countedAppends struct{ s *sidecar }

func (c countedAppends) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	a, err := c.s.queue.Append(ctx, entries)
	if err == nil {
		unmapped := 0
		for _, e := range entries {
			if track.IsUnmapped(e.Lanes) {
				unmapped++
			}
		}
		c.s.metrics.Imported(a, unmapped)
	}
	return a, err
}
