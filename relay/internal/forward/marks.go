package forward

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"relay/internal/logs"
	"relay/queue"
)

// A mark is a record in queue.LaneHad. It is appended together with the records of a chunk and
// has their range. Later fold moves the ranges into notes and settles the marks.

// marks calls fn for the pending marks from a number on. It returns where they end, and the
// ranges that settle them.
func (h *Hub) marks(ctx context.Context, from queue.Seq, fn func(m *mark)) (end queue.Seq, all []queue.Range, err error) {
	for ctx.Err() == nil {
		b, err := h.o.Log.Read(queue.LaneHad, from, 1000, 1<<20)
		if err != nil {
			return from, nil, fmt.Errorf("read marks: %w", err)
		}
		for i := range b.Records {
			var m mark
			if json.Unmarshal(b.Records[i].Body, &m) == nil {
				fn(&m)
			}
		}
		all = append(all, b.RangesExcept(func(int) bool { return false })...)
		if from = b.Next; !b.More {
			return from, all, nil
		}
	}
	return from, nil, ctx.Err()
}

// recall reads the marks that were not read yet.
func (h *Hub) recall(ctx context.Context) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	end, all, err := h.marks(ctx, h.next, h.addMark)
	if err == nil {
		h.next = end
	}
	if len(all) > 0 {
		h.wake()
	}
	return err
}

// addMark adds the ranges of a mark to those of the hub. They can be new even for the hub that
// made the mark: an append that took too long was answered with an error.
func (h *Hub) addMark(m *mark) {
	if src, ok := m.source(); ok {
		h.store(m.Store).add(src, m.Ranges)
	}
}

func (h *Hub) wake() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// knownWithin is the time within which a hub reads the notes of others with the same log.
const knownWithin = 2 * time.Second

// follow reads which ranges of a store the other hubs of the log have.
func (h *Hub) follow(ctx context.Context, store string) error {
	if !h.shared() {
		return nil
	}
	if err := h.o.Log.Current(ctx, knownWithin); err != nil {
		return err //nolint:wrapcheck // the caller distinguishes it
	}
	if err := h.recall(ctx); err != nil {
		return err
	}
	return h.store(store).read(h.o.Log.Note(noteHad + store))
}

// fold stores the ranges of marks in notes and settles the marks. Invariant: a mark is settled
// only after a note has its range.
func (h *Hub) fold(ctx context.Context) error {
	stores := map[string]bool{}
	_, all, err := h.marks(ctx, 0, func(m *mark) { h.addMark(m); stores[m.Store] = true })
	if err != nil || len(stores) == 0 {
		return err
	}
	for name := range stores {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s := h.store(name)
		if err := h.o.Log.UpdateNote(noteHad+name, func(was []byte) ([]byte, error) {
			if err := s.read(was); err != nil {
				return nil, err
			}
			return s.encode()
		}); err != nil {
			return fmt.Errorf("store what a store has forwarded: %w", err)
		}
	}
	if _, err := h.o.Log.Settle(queue.LaneHad, queue.Settlement{Settled: all}); err != nil {
		return fmt.Errorf("settle marks: %w", err)
	}
	return nil
}

// store returns which ranges the hub has of a store.
func (h *Hub) store(name string) *storeRanges {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stores[name]
	if s == nil {
		s = &storeRanges{bySource: make(map[source]ranges)}
		if err := s.read(h.o.Log.Note(noteHad + name)); err != nil {
			h.o.Logger.Error("cannot read what a store has forwarded before; repeated events are recognized only by their ids", "code", logs.QueueFailed, "err", err)
		}
		h.stores[name] = s
	}
	return s
}
