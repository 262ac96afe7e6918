package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"relay/queue"
)

// Call is a message of an edge that is not a chunk, as JSON: its state, at intervals, the
// forgets it has carried out, and for a replay the records it has.
type Call struct {
	Version int      `json:"version"` // 1
	State   State    `json:"state"`
	Forgot  []string `json:"forgot,omitempty"` // ids of Forget
	Has     []saved  `json:"has,omitempty"`    // the hub answers which of these it lacks
}

// Forget is a forget at the hub that an edge must carry out.
type Forget struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Lines []string  `json:"lines"`
	// Mappings are the hub's current and previous mappings, which define how a person is found.
	Mappings []string `json:"mappings,omitempty"`
}

// isCall reports whether a body is a Call; a chunk begins with other bytes.
func isCall(body []byte) bool { return bytes.HasPrefix(body, []byte("{")) }

// RawSize returns the uncompressed size of a body, as its head states it. The error is
// ErrFormat or a *VersionError.
func RawSize(body []byte) (int, error) {
	if isCall(body) {
		return len(body), nil
	}
	return RawLen(body)
}

// call handles a Call.
func (h *Hub) call(ctx context.Context, store string, body []byte) (Answer, error) {
	var c Call
	if json.Unmarshal(body, &c) != nil {
		return Answer{}, ErrFormat
	}
	if c.Version != Version {
		return Answer{}, &VersionError{c.Version}
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
	if err := h.forgets.done(store, c.Forgot); err != nil {
		return Answer{}, err
	}
	a := Answer{Success: true, Forget: h.forgets.next(store)}
	if a.Forget != nil && h.o.Mappings != nil {
		a.Forget.Mappings = h.o.Mappings()
	}
	for _, has := range c.Has {
		src, ok := has.source()
		if !ok {
			return Answer{}, ErrFormat
		}
		lacks := ranges{}
		for _, r := range addRanges(nil, has.Ranges) {
			lacks = append(lacks, s.has(src).lacks(r)...)
		}
		if len(lacks) > 0 {
			a.Missing = append(a.Missing, save(src, lacks))
		}
	}
	h.note(store, &Chunk{State: c.State}, a)
	return a, nil
}

// lacks returns the parts of r that are not in rs.
func (rs ranges) lacks(r queue.Range) (out ranges) {
	for _, o := range rs {
		if o.To <= r.From {
			continue
		}
		if o.From >= r.To {
			break
		}
		if r.From < o.From {
			out = append(out, queue.Range{From: r.From, To: o.From})
		}
		r.From = o.To
	}
	if r.From < r.To {
		out = append(out, r)
	}
	return out
}
