package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/api"
)

// UnreachablePatience is how long an import waits for an unreachable relay: long enough
// for a restart.
const UnreachablePatience = 2 * time.Minute

// RemoteQueue implements the queue of package spool over the admin API. It stores the
// progress of a file in the queue directory, with the events. One goroutine can use it.
type RemoteQueue struct {
	Session  *Session
	Key      string // identifies the file
	Received time.Time
	Logger   *slog.Logger
	Patience time.Duration // how long to retry while relay is unreachable
	gone     time.Time     // since when relay is unreachable
}

// Append implements spool.Appender.
func (d *RemoteQueue) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	b := api.ImportBatch{Received: d.Received, Events: make([]api.ImportEvent, len(entries))}
	for i, e := range entries {
		b.Events[i] = api.ImportEvent{ID: e.ID, Same: e.Space == queue.BySale, Body: e.Body}
	}
	done, err := d.Session.Import(ctx, d.Key, b)
	return queue.Appended{Stored: done.Stored, Duplicates: done.Duplicates, Changed: done.Changed, Conflicts: done.Conflicts}, d.retryable(err)
}

// retryable wraps an error after which spool must try the same call again.
func (d *RemoteQueue) retryable(err error) error {
	var answer *api.Error
	switch {
	case err == nil:
		d.gone = time.Time{}
	case errors.Is(err, api.ErrUnreachable):
		if d.gone.IsZero() {
			d.gone = time.Now()
		}
		if time.Since(d.gone) < d.Patience {
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
func (d *RemoteQueue) Load(ctx context.Context, key string) ([]byte, error) {
	return d.Session.ImportState(ctx, key)
}

// Save implements spool.State. It retries while the error is temporary, because the rows
// are already stored.
func (d *RemoteQueue) Save(ctx context.Context, key string, state []byte) error {
	for {
		err := d.retryable(d.Session.SaveImport(ctx, key, state))
		if !errors.Is(err, queue.ErrUnavailable) && !errors.As(err, new(*queue.FullError)) {
			return err
		}
		d.Logger.Warn("import: progress cannot be stored yet, retrying", "code", logs.ImportWaits, "err", err)
		timer := time.NewTimer(time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
