package forward

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

// Log is what a hub needs of its queue. *local.Queue is one, and *jetstream.Queue, which
// the hubs of several relays have together.
type Log interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
	Note(key string) []byte
	// UpdateNote keeps what fn makes of a note, by compare-and-set; nil removes it. fn may be
	// given what it has made before.
	UpdateNote(key string, fn func(was []byte) ([]byte, error)) error
	// Current returns once the notes are known that others had set a time ago.
	Current(ctx context.Context, ago time.Duration) error
	// CanAppend says whether an Append would be durable now.
	CanAppend() error
	// CountDropped counts what was removed by somebody else than the queue.
	CountDropped(reason string, n int)
}

// source is what the numbers of a chunk belong to.
type source struct {
	epoch Epoch
	lane  Lane
}

// ranges are those of one source, ascending, none touching another.
type ranges []queue.Range

// has says whether a number is in them.
func (rs ranges) has(seq queue.Seq) bool {
	i, found := slices.BinarySearchFunc(rs, seq, func(r queue.Range, at queue.Seq) int { return cmp.Compare(r.From, at) })
	return found || i > 0 && seq < rs[i-1].To
}

// covers says whether all of r is in them.
func (rs ranges) covers(r queue.Range) bool {
	i, found := slices.BinarySearchFunc(rs, r.From, func(o queue.Range, at queue.Seq) int { return cmp.Compare(o.From, at) })
	if !found {
		i--
	}
	return i >= 0 && r.To <= rs[i].To
}

// with is rs and r.
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

// had is what a hub has of one store.
type had struct {
	// turn is held while a chunk of the store is appended, so that of two copies of one the
	// second meets the first. Of two that two hubs of one log take at once the queue reads
	// one: it has the ids of a chunk for as long as its mark is no note's.
	turn  sync.Mutex
	looks map[string]Look // for whom the store has not forgotten yet, by the id of the forget; under turn

	mu   sync.Mutex
	of   map[source]ranges
	note []byte // of which of has all
}

// has gives what the hub has of a source.
func (h *had) has(src source) ranges {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[src]
}

// take adds ranges of a source.
func (h *had) take(src source, rs [][2]uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[src] = add(h.of[src], rs)
}

// read adds what a note of the store says.
func (h *had) read(note []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes.Equal(note, h.note) {
		return nil
	}
	list, err := load(note)
	h.note = note
	for _, s := range list {
		if src, ok := s.source(); ok {
			h.of[src] = add(h.of[src], s.Ranges)
		}
	}
	return err
}

// mark is a record of queue.LaneHad: what was appended with it.
type mark struct {
	Store string `json:"store"`
	saved
}

// saved is how ranges lie in marks and notes.
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

// load reads what the note of a store says.
func load(note []byte) (list []saved, err error) {
	if len(note) > 0 {
		if err = json.Unmarshal(note, &list); err != nil {
			return nil, fmt.Errorf("read what a store has handed over: %w", err)
		}
	}
	return list, nil
}

func add(rs ranges, more [][2]uint64) ranges {
	for _, r := range more {
		if r[0] < r[1] {
			rs = rs.with(queue.Range{From: queue.Seq(r[0]), To: queue.Seq(r[1])})
		}
	}
	return rs
}

// keep is what is kept of h.
func (h *had) keep() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]saved, 0, len(h.of))
	for src, rs := range h.of {
		list = append(list, save(src, rs))
	}
	slices.SortFunc(list, func(a, b saved) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Lane, b.Lane))
	})
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("keep what a store has handed over: %w", err)
	}
	return b, nil
}
