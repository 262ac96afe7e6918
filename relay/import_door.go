package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/admin"
)

// unreachablePatience is how long an import waits for a relay that has gone
// away: long enough for a restart.
const unreachablePatience = 2 * time.Minute

// importDoor is the queue as spool sees it, behind the admin API. It keeps how
// far a file is where the events are: in the queue's directory.
type importDoor struct {
	desk     *desk
	key      string // of the file
	received time.Time
	logger   *slog.Logger
	patience time.Duration
	gone     time.Time // since when nobody answers
}

// Append implements spool.Appender.
func (d *importDoor) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	b := admin.ImportBatch{Received: d.received, Events: make([]admin.ImportEvent, len(entries))}
	for i, e := range entries {
		b.Events[i] = admin.ImportEvent{ID: e.ID, Same: e.Space == queue.BySale, Body: e.Body}
	}
	done, err := d.desk.Import(ctx, d.key, b)
	return queue.Appended{Stored: done.Stored, Duplicates: done.Duplicates, Changed: done.Changed, Conflicts: done.Conflicts}, d.later(err)
}

// later marks an error after which the same may be tried again.
func (d *importDoor) later(err error) error {
	var answer *admin.Error
	switch {
	case err == nil:
		d.gone = time.Time{}
	case errors.Is(err, admin.ErrUnreachable):
		if d.gone.IsZero() {
			d.gone = time.Now()
		}
		if time.Since(d.gone) < d.patience {
			return fmt.Errorf("%w: %w", queue.ErrUnavailable, err)
		}
	case errors.As(err, &answer) && answer.Code == "queue_full":
		return &queue.FullError{RetryAfter: 5 * time.Second, Reason: answer.Message}
	case errors.As(err, &answer) && answer.Status == 503:
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, err)
	}
	return err
}

// Load implements spool.State.
func (d *importDoor) Load(ctx context.Context, key string) ([]byte, error) {
	return d.desk.ImportState(ctx, key)
}

// Save implements spool.State. It is tried for as long as there is hope: the
// rows are stored already.
func (d *importDoor) Save(ctx context.Context, key string, state []byte) error {
	for {
		err := d.later(d.desk.SaveImport(ctx, key, state))
		if !errors.Is(err, queue.ErrUnavailable) && !errors.As(err, new(*queue.FullError)) {
			return err
		}
		d.logger.Warn("import: progress cannot be kept yet, waiting", "code", logs.ImportWaits, "err", err)
		timer := time.NewTimer(time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// openImportDesk is openDesk for an import, which may be the first thing that
// ever happens to a queue. A dry run gets no session when no relay runs.
func openImportDesk(c *cobra.Command, dryRun bool) (*desk, *config.Config, error) {
	cfg, _, err := config.Load(configPath(c), config.Options{})
	if err != nil {
		return nil, nil, err
	}
	client := controlClient(cfg)
	if !dryRun {
		if err := makeQueueDir(cfg.Queue.Path); err != nil {
			return nil, nil, err
		}
	}
	// A relay that is just starting holds the queue but does not answer yet.
	for tries := 0; ; tries++ {
		_, err = client.Ping(c.Context())
		switch {
		case err == nil:
			return &desk{Client: client, close: client.Close}, cfg, nil
		case !errors.Is(err, admin.ErrUnreachable):
			return nil, nil, notReached(err)
		case dryRun:
			return nil, cfg, nil
		}
		d, err := openLocalDesk(c.Context(), cfg, true)
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
