package forward

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"relay/queue"
)

// source identifies what the numbers of a chunk refer to.
type source struct {
	epoch Epoch
	lane  Lane
}

// ranges are the ranges of one source, ascending and not adjacent.
type ranges []queue.Range

// has reports whether a number is in rs.
func (rs ranges) has(seq queue.Seq) bool {
	i, found := slices.BinarySearchFunc(rs, seq, func(r queue.Range, at queue.Seq) int { return cmp.Compare(r.From, at) })
	return found || i > 0 && seq < rs[i-1].To
}

// covers reports whether all of r is in rs.
func (rs ranges) covers(r queue.Range) bool {
	i, found := slices.BinarySearchFunc(rs, r.From, func(o queue.Range, at queue.Seq) int { return cmp.Compare(o.From, at) })
	if !found {
		i--
	}
	return i >= 0 && r.To <= rs[i].To
}

// with returns rs with r added.
func (rs ranges) with(r queue.Range) ranges {
	all := append(slices.Clone(rs), r)
	slices.SortFunc(all, func(a, b queue.Range) int { return cmp.Compare(a.From, b.From) })
	out := all[:1]
	for _, o := range all[1:] {
		if last := &out[len(out)-1]; o.From <= last.To {
			last.To = max(last.To, o.To)
			continue
		}
		out = append(out, o)
	}
	return out
}

// storeRanges are the ranges that a hub has of one store.
type storeRanges struct {
	// turn is held while a chunk of the store is appended, so that a second copy of a chunk is
	// recognized. If two hubs of one log accept a chunk at once, the queue reads one copy: it
	// has the ids of a chunk until a note has its range.
	turn  sync.Mutex
	looks map[string]Look // for whom the store has not forgotten yet, by the id of the forget; under turn

	mu       sync.Mutex
	bySource map[source]ranges
	note     []byte // the last one read; bySource has all of it
}

// has returns the ranges of a source.
func (h *storeRanges) has(src source) ranges {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bySource[src]
}

// add adds ranges of a source.
func (h *storeRanges) add(src source, rs [][2]uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bySource[src] = addRanges(h.bySource[src], rs)
}

// read adds the ranges of a note.
func (h *storeRanges) read(note []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes.Equal(note, h.note) {
		return nil
	}
	list, err := load(note)
	h.note = note
	for _, s := range list {
		if src, ok := s.source(); ok {
			h.bySource[src] = addRanges(h.bySource[src], s.Ranges)
		}
	}
	return err
}

// mark is the body of a record in queue.LaneHad: the range of the chunk it was appended with.
type mark struct {
	Store string `json:"store"`
	saved
}

// saved is the form of ranges in marks, notes and Calls.
type saved struct {
	Epoch  string      `json:"epoch"`
	Lane   Lane        `json:"lane"`
	Ranges [][2]uint64 `json:"ranges"`
}

func (s saved) source() (source, bool) {
	e, err := hex.DecodeString(s.Epoch)
	if err != nil || len(e) != len(Epoch{}) {
		return source{}, false
	}
	return source{Epoch(e), s.Lane}, true
}

func save(src source, rs ranges) saved {
	s := saved{Epoch: hex.EncodeToString(src.epoch[:]), Lane: src.lane, Ranges: make([][2]uint64, len(rs))}
	for i, r := range rs {
		s.Ranges[i] = [2]uint64{uint64(r.From), uint64(r.To)}
	}
	return s
}

const noteHad = "forward/had/" // + store: a list of saved

// load reads the note of a store.
func load(note []byte) (list []saved, err error) {
	if len(note) > 0 {
		if err = json.Unmarshal(note, &list); err != nil {
			return nil, fmt.Errorf("read what a store has forwarded: %w", err)
		}
	}
	return list, nil
}

func addRanges(rs ranges, more [][2]uint64) ranges {
	for _, r := range more {
		if r[0] < r[1] {
			rs = rs.with(queue.Range{From: queue.Seq(r[0]), To: queue.Seq(r[1])})
		}
	}
	return rs
}

// encode returns the note of h.
func (h *storeRanges) encode() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]saved, 0, len(h.bySource))
	for src, rs := range h.bySource {
		list = append(list, save(src, rs))
	}
	slices.SortFunc(list, func(a, b saved) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Lane, b.Lane))
	})
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("store what a store has forwarded: %w", err)
	}
	return b, nil
}
