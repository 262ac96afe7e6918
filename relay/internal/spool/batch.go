package spool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relay/internal/logs"
	"relay/queue"
)

const (
	batchRows  = 500
	batchBytes = 1 << 20
)

// batch is the content of one Append.
type batch struct {
	entries []queue.Entry
	ends    []int // end offsets of their bodies in bytes
	bytes   []byte
	Counts
}

func (b *batch) add(e *queue.Entry) {
	b.bytes = append(b.bytes, e.Body...)
	b.ends = append(b.ends, len(b.bytes))
	b.entries = append(b.entries, *e)
}

func (b *batch) reset() {
	b.entries, b.ends, b.bytes, b.Counts = b.entries[:0], b.ends[:0], b.bytes[:0], Counts{}
}

// append stores the batch. While the queue asks to retry later, it waits, and calls waits before
// each wait. The ids are the same at each try.
func (b *batch) append(ctx context.Context, o *Options, waits func() error) error {
	if len(b.entries) == 0 {
		return nil
	}
	from := 0
	for i, end := range b.ends {
		b.entries[i].Body = b.bytes[from:end:end]
		from = end
	}
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		a, err := o.Queue.Append(ctx, b.entries)
		if err == nil {
			b.Stored, b.Duplicates, b.Changed, b.Conflicts = int64(a.Stored), int64(a.Duplicates), int64(a.Changed), int64(a.Conflicts)
			return nil
		}
		pause, later := retryAfter(err, wait)
		if !later || ctx.Err() != nil {
			return fmt.Errorf("store rows: %w", err)
		}
		if err := waits(); err != nil {
			return err
		}
		o.Logger.Warn("spool: queue does not accept rows, waiting", "code", logs.SpoolWaits, "err", err, "wait", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// retryAfter returns whether to try again, and after what time.
func retryAfter(err error, wait time.Duration) (time.Duration, bool) {
	var full *queue.FullError
	switch {
	case errors.As(err, &full):
		return min(max(full.RetryAfter, wait), time.Minute), true
	case errors.Is(err, queue.ErrBusy), errors.Is(err, queue.ErrStalled), errors.Is(err, queue.ErrDoubt), errors.Is(err, queue.ErrUnavailable):
		return wait, true
	}
	return 0, false
}
