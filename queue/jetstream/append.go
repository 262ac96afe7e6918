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
	maxChunkBytes = 2 << 20 // limit for a chunk of several calls
	maxInFlight   = 3       // chunks being published at once
	maxGather     = 2 * time.Millisecond
	retryAfter    = 5 * time.Second
)

// Append stores all entries or none. When it returns nil, a majority of the servers have synced
// them.
func (l *Log) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	if err := ctx.Err(); err != nil {
		return queue.Appended{}, fmt.Errorf("append: %w", err)
	}
	if err := validate(entries); err != nil {
		return queue.Appended{}, err
	}
	c := &call{entries: entries, read: make(chan struct{}), done: make(chan struct{})}
	for i := range entries {
		c.size += int64(len(entries[i].Body) + len(entries[i].ID) + 64)
	}
	if err := l.intake.add(c, l.options.MaxWaiting); err != nil {
		return queue.Appended{}, err
	}
	late := time.NewTimer(l.options.AppendTimeout)
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
		<-c.read // the writer reads the bodies until then
	}
	return queue.Appended{}, err
}

func validate(entries []queue.Entry) error {
	if len(entries) > maxRecords {
		return fmt.Errorf("%d entries at once, at most %d are allowed: %w", len(entries), maxRecords, queue.ErrInvalid)
	}
	for i := range entries {
		if err := entries[i].Valid(i); err != nil {
			return err
		}
	}
	return nil
}

func isFull(err error) bool {
	return errors.As(err, new(*queue.FullError))
}

// makeRoom trims settled messages.
func (w *writer) makeRoom() bool {
	ctx, cancel := context.WithTimeout(w.ctx, w.options.Hop)
	defer cancel()
	return w.trim(ctx) == nil
}

// build encodes the new entries of calls into a chunk and sets each call's result.
func (w *writer) build(calls []*call) (*chunkInFlight, error) {
	n := 0
	for _, c := range calls {
		n += len(c.entries)
	}
	f := &chunkInFlight{calls: calls, ids: make(map[ident.Hash]uint64, n), start: time.Now(), stored: make(chan error, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastNumber = nextChunk(max(w.view.lastChunk, w.lastNumber))
	f.entry = newEntry(0, 0, w.lastNumber, 0)
	if w.unsafeServers != nil {
		return f, fmt.Errorf("%w: %w", errUnavailable, w.unsafeServers)
	}
	w.builder.Start(f.entry.number)
	for _, c := range calls {
		c.out = queue.Appended{}
		for i := range c.entries {
			w.add(f, &c.entries[i], &c.out)
		}
	}
	if len(f.entry.records) == 0 {
		return f, nil
	}
	var err error
	if f.data, _, err = w.builder.Finish(nil); err != nil {
		return f, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if f.entry.size = len(f.data); len(f.data) > minPayload-4096 {
		return f, fmt.Errorf("a request of %d bytes, compressed: %w", len(f.data), queue.ErrInvalid)
	}
	size := w.view.size + int64(len(f.data))
	for _, before := range w.inFlight {
		size += int64(len(before.data))
	}
	if size > w.options.MaxSize {
		return f, &queue.FullError{RetryAfter: retryAfter, Reason: "max_size"}
	}
	return f, nil
}

// fingerprintOf returns the fingerprint of an id that is known, or is in f or in another chunk
// being published. The caller holds w.mu.
func (w *writer) fingerprintOf(f *chunkInFlight, h ident.Hash) (uint64, bool) {
	if p, ok := f.ids[h]; ok {
		return p, true
	}
	for _, before := range w.inFlight {
		if p, ok := before.ids[h]; ok {
			f.dependsOnEarlier = true
			return p, true
		}
	}
	k, ok := w.view.ids[h]
	return k.fingerprint, ok
}

func (w *writer) add(f *chunkInFlight, in *queue.Entry, out *queue.Appended) {
	h := ident.HashOf(nil, &w.view.secret, in)
	lanes, flags := in.Lanes, in.Flags
	print, known := w.fingerprintOf(f, h)
	differs := known && ident.Differ(print, in.Fingerprint)
	switch {
	case differs && in.Space == queue.ByID:
		h = ident.HashContent(&w.view.secret, in.Store, in.ID, in.Fingerprint)
		if _, kept := w.fingerprintOf(f, h); kept {
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
	lanes = f.entry.laneSet(lanes)
	f.ids[h] = in.Fingerprint
	f.entry.add(h, in.Fingerprint, lanes, in.Body, in.Received.UnixMilli())
	w.builder.Add(&chunk.Item{
		Hash: h, Fingerprint: in.Fingerprint, Lanes: lanes, SetKey: chunk.SetKey(lanes), SeenBy: in.SeenBy, Recipe: in.Recipe, Store: in.Store,
		Received: in.Received.UnixMilli(), Flags: flags, ID: in.ID, Body: in.Body,
	})
}

// nextChunk numbers a chunk: seconds << 32 | 65,536ths << 16, and above every number seen so far.
func nextChunk(last queue.Seq) queue.Seq {
	now := time.Now()
	at := queue.Seq(now.Unix())<<32 | queue.Seq(now.Nanosecond()*(1<<16)/1e9)<<16
	return max(at, last&^(1<<16-1)+1<<16)
}
