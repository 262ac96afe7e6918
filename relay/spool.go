package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"relay/config"
	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// openSpool makes the directory of dropped files ready, if there is to be one.
func (s *sidecar) openSpool(cfg *config.Config, prints track.PrintKey) error {
	if cfg.Spool == "" {
		return nil
	}
	s.dropped = make(chan struct{}, 1)
	o := spoolOptions(cfg, prints, s.mapping.Mapping)
	o.Queue, o.Notify, o.Logger = countedAppends{s}, s.dropped, slog.New(fileNames{s.log.Handler()})
	var err error
	s.spool, err = newSpool(o)
	return err
}

// spoolOptions say how dropped files are read; where the rows go, the caller adds.
func spoolOptions(cfg *config.Config, prints track.PrintKey, mapping func() *mapper.Mapping) spool.DirectoryOptions {
	return spool.DirectoryOptions{
		Dir: cfg.Spool,
		Route: func(event string) []string {
			m := mapping()
			if m == nil {
				return nil
			}
			return m.Routes(event)
		},
		PrintKey:      prints,
		MaxEventBytes: int(cfg.Intake.MaxEventBytes),
	}
}

func newSpool(o spool.DirectoryOptions) (*spool.Directory, error) {
	d, err := spool.NewDirectory(o)
	if err != nil {
		return nil, badConfig(fmt.Errorf("spool: %w", err))
	}
	return d, nil
}

// offlineSpool is the directory of dropped files for a command that no relay answers:
// to remove a person from it. nil: there is none.
func offlineSpool(cfg *config.Config, q *local.Queue, prints track.PrintKey, mapping func() *mapper.Mapping) (*spool.Directory, error) {
	if cfg.Spool == "" {
		return nil, nil
	}
	if _, err := os.Stat(cfg.Spool); err != nil {
		return nil, nil //nolint:nilerr // nothing was ever dropped
	}
	o := spoolOptions(cfg, prints, mapping)
	o.Queue, o.Logger = q, slog.New(slog.DiscardHandler)
	return newSpool(o)
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
