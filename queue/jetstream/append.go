package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

const (
	maxRaw     = 2 << 20 // of a chunk of several calls
	mostFlying = 3       // chunks on their way
	maxGather  = 2 * time.Millisecond
	retryAfter = 5 * time.Second
)

// Append stores all entries or none. They are on the synced logs of most servers when
// it returns nil.
func (l *Log) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	if err := ctx.Err(); err != nil {
		return queue.Appended{}, fmt.Errorf("append: %w", err)
	}
	if err := valid(entries); err != nil {
		return queue.Appended{}, err
	}
	c := &call{entries: entries, read: make(chan struct{}), done: make(chan struct{})}
	for i := range entries {
		c.size += int64(len(entries[i].Body) + len(entries[i].ID) + 64)
	}
	if err := l.intake.put(c, l.o.MaxWaiting); err != nil {
		return queue.Appended{}, err
	}
	late := time.NewTimer(l.o.AppendTimeout)
	defer late.Stop()
	var err error
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		err = fmt.Errorf("append: %w", ctx.Err())
	case <-late.C:
		if err = errStalled; ctx.Err() != nil {
			err = fmt.Errorf("append: %w", ctx.Err())
		}
	}
	if !l.intake.withdraw(c) {
		<-c.read // until then the bodies are read
	}
	return queue.Appended{}, err
}

func valid(entries []queue.Entry) error {
	if len(entries) > maxRecords {
		return fmt.Errorf("%d entries at once, %d is the most: %w", len(entries), maxRecords, queue.ErrInvalid)
	}
	for i := range entries {
		if err := entries[i].Valid(i); err != nil {
			return err
		}
	}
	return nil
}

func full(err error) bool {
	return errors.As(err, new(*queue.FullError))
}

// makeRoom removes what is settled and not removed yet.
func (w *writer) makeRoom() bool {
	ctx, cancel := context.WithTimeout(w.ctx, w.o.Hop)
	defer cancel()
	return w.trimOnce(ctx) == nil
}

// build encodes what is new of calls, and says for each call what it is.
func (w *writer) build(calls []*call) (*flight, error) {
	n := 0
	for _, c := range calls {
		n += len(c.entries)
	}
	f := &flight{calls: calls, fresh: make(map[ident.Hash]uint64, n), start: time.Now(), stored: make(chan error, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number = nextChunk(max(w.view.last, w.number))
	f.e = newEntry(0, 0, w.number, 0)
	if w.refused != nil {
		return f, fmt.Errorf("%w: %w", errUnavailable, w.refused)
	}
	w.b.Start(f.e.at)
	for _, c := range calls {
		c.out = queue.Appended{}
		for i := range c.entries {
			w.add(f, &c.entries[i], &c.out)
		}
	}
	if len(f.e.recs) == 0 {
		return f, nil
	}
	var err error
	if f.data, _, err = w.b.Finish(nil); err != nil {
		return f, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if f.e.size = len(f.data); len(f.data) > minPayload-4096 {
		return f, fmt.Errorf("a request of %d bytes, compressed: %w", len(f.data), queue.ErrInvalid)
	}
	size := w.view.bytes + int64(len(f.data))
	for _, before := range w.flying {
		size += int64(len(before.data))
	}
	if size > w.o.MaxSize {
		return f, &queue.FullError{RetryAfter: retryAfter, Reason: "max_size"}
	}
	return f, nil
}

// print gives the fingerprint of an id that is known, or is in a chunk on its way or in f.
// The caller holds w.mu.
func (w *writer) print(f *flight, h ident.Hash) (uint64, bool) {
	if p, ok := f.fresh[h]; ok {
		return p, true
	}
	for _, before := range w.flying {
		if p, ok := before.fresh[h]; ok {
			f.leans = true
			return p, true
		}
	}
	k, ok := w.view.known[h]
	return k.print, ok
}

func (w *writer) add(f *flight, in *queue.Entry, out *queue.Appended) {
	h := ident.HashOf(nil, &w.view.secret, in)
	lanes, flags := in.Lanes, in.Flags
	print, known := w.print(f, h)
	differs := known && ident.Differ(print, in.Fingerprint)
	switch {
	case differs && in.Space == queue.ByID:
		h = ident.HashContent(&w.view.secret, in.Store, in.ID, in.Fingerprint)
		if _, kept := w.print(f, h); kept {
			out.Duplicates++
			return
		}
		lanes, flags = queue.ConflictLanes(lanes), flags|queue.FlagIDConflict
		out.Conflicts++
	case known:
		out.Duplicates++
		if differs && in.Space == queue.BySale {
			out.Changed++
		}
		return
	default:
		out.Stored++
	}
	lanes = f.e.lanes(lanes)
	f.fresh[h] = in.Fingerprint
	f.e.add(h, in.Fingerprint, lanes, in.Body, in.Received.UnixMilli())
	w.b.Add(&chunk.Item{
		Hash: h, Fingerprint: in.Fingerprint, Lanes: lanes, SetKey: chunk.SetKey(lanes), SeenBy: in.SeenBy, Recipe: in.Recipe, Store: in.Store,
		Received: in.Received.UnixMilli(), Flags: flags, ID: in.ID, Body: in.Body,
	})
}

// nextChunk numbers a chunk: seconds << 32 | 65,536ths << 16, and above every number
// seen so far.
func nextChunk(last queue.Seq) queue.Seq {
	now := time.Now()
	at := queue.Seq(now.Unix())<<32 | queue.Seq(now.Nanosecond()*(1<<16)/1e9)<<16
	return max(at, last&^(1<<16-1)+1<<16)
}
