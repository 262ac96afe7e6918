package forward

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/track"
)

// work has the buffers for one chunk. They are reused.
type work struct {
	chunk   Chunk
	entries []queue.Entry
	reader  track.Reader
	name    string // of the last event
}

// done clears w and keeps it for the next chunk.
func (h *Hub) done(w *work) {
	clear(w.chunk.Records)
	clear(w.entries)
	w.chunk, w.entries = Chunk{Records: w.chunk.Records[:0]}, w.entries[:0]
	w.reader.Release()
	if max(cap(w.entries), cap(w.chunk.Records)) <= keptRecords {
		h.works.Put(w)
	}
}

// keptRecords is the largest capacity that is reused, more than a usual chunk needs.
const keptRecords = 4096

// Forward stores a chunk of a store: once it returns nil, the whole chunk is on disk. Callers
// can distinguish ErrFormat, *VersionError, ErrTooLarge, ErrBusy, ErrStarting and the errors of
// Append. allows reports which events the key can send; nil: all. most is the largest
// uncompressed size; room is used for it as far as it suffices. After an error the log might
// still read body and room.
func (h *Hub) Forward(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (Answer, error) {
	a, err := h.receive(ctx, store, allows, body, room, most)
	a.Proof = Proof(body)
	if h.o.Clock != nil {
		if now, trusted := h.o.Clock(); trusted {
			a.Now = now
		}
	}
	return a, err
}

// receive handles a chunk, a Call or a probe.
func (h *Hub) receive(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (Answer, error) {
	if isCall(body) {
		return h.call(ctx, store, body)
	}
	if bytes.Equal(body, probe) {
		if !h.ready.Load() {
			return Answer{}, ErrStarting
		}
		return Answer{Success: true}, h.o.Log.CanAppend() //nolint:wrapcheck // the caller distinguishes it
	}
	w, _ := h.works.Get().(*work)
	if w == nil {
		w = &work{reader: track.Reader{Limits: track.Limits{EventBytes: h.o.Event, Messages: 1, Merged: 4 * h.o.Event}, Key: h.o.FingerprintKey}}
	}
	c := &w.chunk
	if err := c.read(body, room, most); err != nil {
		return Answer{}, err
	}
	if !h.ready.Load() {
		return Answer{}, ErrStarting
	}
	s := h.store(store)
	if !s.turn.TryLock() {
		return Answer{}, ErrBusy
	}
	defer s.turn.Unlock()
	if err := h.follow(ctx, store); err != nil {
		return Answer{}, err
	}
	src, r := source{c.Epoch, c.Lane}, queue.Range{From: c.From, To: c.To}
	has := s.has(src)
	forgotten := h.forgotten(store, s)
	a := Answer{Success: true, Call: len(s.looks) > 0 && h.forgets.next(store) != nil}
	if !has.covers(r) {
		for i := range c.Records {
			if rec := &c.Records[i]; has.has(rec.Seq) {
				a.Repeats++
			} else if forgotten(rec.Body, rec.ID, rec.Received) {
				a.Forgotten = append(a.Forgotten, rec.Seq)
			} else {
				w.entries = append(w.entries, h.entry(w, store, rec, allows))
			}
		}
		m, err := h.mark(store, src, r)
		if err != nil {
			return Answer{}, err
		}
		w.entries = append(w.entries, m)
		got, err := h.o.Log.Append(ctx, w.entries)
		if err != nil {
			return Answer{}, err //nolint:wrapcheck // the caller distinguishes it
		}
		if gone := len(a.Forgotten); gone > 0 {
			h.o.Log.CountDropped(queue.DropForgotten, gone)
			h.o.Logger.Warn("a store forwarded events about a person who was removed here; they are not stored", "code", logs.ForgottenNotTaken, "store", store, "events", gone)
		}
		a.Stored = max(0, got.Stored+got.Conflicts-1) // without the mark
		s.add(src, [][2]uint64{{uint64(r.From), uint64(r.To)}})
		h.wake()
	} else {
		a.Repeats = len(c.Records)
	}
	h.note(store, c, a)
	h.done(w)
	return a, nil
}

// mark returns the entry with the range of the chunk that it is appended with.
func (h *Hub) mark(store string, src source, r queue.Range) (queue.Entry, error) {
	m := mark{Store: store, saved: save(src, ranges{r})}
	b, err := json.Marshal(m)
	if err != nil {
		return queue.Entry{}, fmt.Errorf("make mark: %w", err)
	}
	key := fmt.Sprintf("had:%s:%d:%x-%x:%s", hex.EncodeToString(src.epoch[:]), src.lane, uint64(r.From), uint64(r.To), store)
	return queue.Entry{ID: key, Space: queue.ByKey, Key: key, Lanes: []string{queue.LaneHad}, Received: h.o.Now(), Body: b}, nil
}
