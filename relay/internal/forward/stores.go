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

// Seen is what a hub knows of one store.
type Seen struct {
	Store    string    `json:"store"`
	LastSeen time.Time `json:"last_seen,omitzero"` // since the hub began; by all hubs of a log, since that was made
	State              // as it said then
	Events   int64     `json:"events"` // taken over by this hub, since it began
	Repeats  int64     `json:"repeats"`
	Forgets  int       `json:"forgets_waiting,omitempty"` // that it has not carried out yet
}

// note remembers what the edge said of itself.
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

// Stores is what is known of the stores named.
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

// Hubs that have one log show the same table: each adds to notes what edges said to it.
const (
	showEvery = 5 * time.Second
	noteSeen  = "forward/seen/" // + a part: of what each of its stores said last
	seenParts = 64              // a value is a message, which has a size
)

// shown is what one store said last, to whichever hub.
type shown struct {
	LastSeen time.Time `json:"at"`
	State
}

func partOf(store string) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(store))
	return fmt.Sprintf("%s%02x", noteSeen, sum.Sum32()%seenParts)
}

// show adds to the notes what edges say, until ctx ends.
func (h *Hub) show(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, showEvery, nil)
		if err := h.showNow(ctx); err != nil && ctx.Err() == nil {
			h.o.Logger.Error("other relays do not learn how stores stand; tried again", "code", logs.SettleFailed, "err", err)
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
				return json.Marshal(all) //nolint:wrapcheck // it is said below
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
		return fmt.Errorf("keep how stores stand: %w", err)
	}
	return nil
}

// shown is what stores said last to any hub of the log.
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

// readShown reads a part; one that cannot be read is empty, and said anew.
func readShown(note []byte) map[string]shown {
	all := make(map[string]shown)
	if len(bytes.TrimSpace(note)) > 0 && json.Unmarshal(note, &all) != nil {
		clear(all)
	}
	return all
}
