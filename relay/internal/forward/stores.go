package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
)

// Seen is what a hub has learned about one store.
type Seen struct {
	Store    string    `json:"store"`
	LastSeen time.Time `json:"last_seen,omitzero"` // since the hub started; for a shared log, by any hub and since the log was made
	State              // as of LastSeen
	Events   int64     `json:"events"` // stored by this hub since it started
	Repeats  int64     `json:"repeats"`
	Forgets  int       `json:"forgets_waiting,omitempty"` // not carried out yet
}

// note records the state of an edge.
func (h *Hub) note(store string, c *Chunk, a Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.seen[store]
	if s == nil {
		s = &Seen{Store: store}
		h.seen[store] = s
	}
	s.LastSeen, s.State = h.o.Now().UTC(), c.State
	if s.Waiting = max(0, s.Waiting-int64(len(c.Records))); s.Waiting == 0 {
		s.Oldest = time.Time{}
	}
	s.Events += int64(a.Stored)
	s.Repeats += int64(a.Repeats)
	h.fresh[store] = true
}

// Stores returns what the hub has learned about the named stores, sorted.
func (h *Hub) Stores(names []string) []Seen {
	shown := h.shown(names)
	var forgets map[string]int
	if h.o.Log != nil {
		forgets = h.forgets.waiting()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Seen, 0, len(names))
	for _, name := range names {
		one := Seen{Store: name}
		if s := h.seen[name]; s != nil {
			one = *s
		}
		if o := shown[name]; o.LastSeen.After(one.LastSeen) {
			one.LastSeen, one.State = o.LastSeen, o.State
		}
		one.Forgets = forgets[name]
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Seen) int { return strings.Compare(a.Store, b.Store) })
	return slices.CompactFunc(out, func(a, b Seen) bool { return a.Store == b.Store })
}

// Hubs with one log show the same table: each adds the states of its edges to notes.
const (
	showEvery = 5 * time.Second
	noteSeen  = "forward/seen/" // + a part: the last states of its stores
	seenParts = 64              // so that a note stays below the size limit of a message
)

// shown is the last state of one store, from any hub.
type shown struct {
	LastSeen time.Time `json:"at"`
	State
}

func partOf(store string) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(store))
	return fmt.Sprintf("%s%02x", noteSeen, sum.Sum32()%seenParts)
}

// show adds the states of edges to the notes, until ctx ends.
func (h *Hub) show(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, showEvery, nil)
		if err := h.showNow(ctx); err != nil && ctx.Err() == nil {
			h.o.Logger.Error("cannot tell other relays the state of stores; relay tries again", "code", logs.SettleFailed, "err", err)
		}
	}
}

func (h *Hub) showNow(ctx context.Context) error {
	h.mu.Lock()
	parts := make(map[string]map[string]shown)
	for name := range h.fresh {
		at := partOf(name)
		if parts[at] == nil {
			parts[at] = make(map[string]shown)
		}
		parts[at][name] = shown{h.seen[name].LastSeen, h.seen[name].State}
	}
	clear(h.fresh)
	h.mu.Unlock()
	for at, news := range parts {
		err := ctx.Err()
		if err == nil {
			err = h.o.Log.UpdateNote(at, func(was []byte) ([]byte, error) {
				all := readShown(was)
				for name, s := range news {
					if s.LastSeen.After(all[name].LastSeen) {
						all[name] = s
					}
				}
				return json.Marshal(all) //nolint:wrapcheck // wrapped below
			})
		}
		if err == nil {
			delete(parts, at)
			continue
		}
		h.mu.Lock()
		for _, news := range parts {
			for name := range news {
				h.fresh[name] = true
			}
		}
		h.mu.Unlock()
		return fmt.Errorf("store the state of stores: %w", err)
	}
	return nil
}

// shown returns the last state of stores, from any hub of the log.
func (h *Hub) shown(names []string) map[string]shown {
	if !h.shared() {
		return nil
	}
	out := make(map[string]shown, len(names))
	parts := make(map[string]map[string]shown)
	for _, name := range names {
		at := partOf(name)
		if parts[at] == nil {
			parts[at] = readShown(h.o.Log.Note(at))
		}
		out[name] = parts[at][name]
	}
	return out
}

// readShown reads a part. One that cannot be read counts as empty and is written again.
func readShown(note []byte) map[string]shown {
	all := make(map[string]shown)
	if len(bytes.TrimSpace(note)) > 0 && json.Unmarshal(note, &all) != nil {
		clear(all)
	}
	return all
}
