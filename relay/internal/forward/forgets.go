package forward

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/internal/logs"
)

// noteForgets is the note with the forgets that some store has not carried out. They identify
// a person, so they are deleted once every store has.
const noteForgets = "forward/forgets"

// pendingForget is a forget with the stores that have not carried it out.
type pendingForget struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Lines  []string  `json:"lines"`
	Stores []string  `json:"stores"`
}

// Look reports whether an event is about one of the people that it was made for. It is not
// called concurrently.
type Look interface {
	Event(body []byte, id string, received time.Time) bool
}

// forgets has the orders of a hub, from the note that all hubs of a log share. It is safe for
// concurrent use.
type forgets struct {
	log Log

	now func() time.Time

	mu     sync.Mutex
	note   []byte // the note that orders was read from
	orders []*pendingForget
	recent []carriedOut
}

// carriedOut is an order that a store has just carried out. A chunk that it sent before might
// still arrive.
type carriedOut struct {
	order *pendingForget
	store string
	until time.Time
}

const carriedOutFor = 10 * time.Minute

// read reads the note. If it cannot be read, its orders are lost.
func (f *forgets) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refresh()
}

// refresh reads the note if it has changed. The caller holds f.mu.
func (f *forgets) refresh() error {
	note := f.log.Note(noteForgets)
	if bytes.Equal(note, f.note) {
		return nil
	}
	orders, err := ordersIn(note)
	for _, o := range f.orders {
		for _, s := range o.Stores {
			if !slices.ContainsFunc(orders, func(n *pendingForget) bool { return n.ID == o.ID && slices.Contains(n.Stores, s) }) {
				f.recent = append(f.recent, carriedOut{o, s, f.now().Add(carriedOutFor)})
			}
		}
	}
	f.note, f.orders = note, orders
	return err
}

func ordersIn(note []byte) (out []*pendingForget, err error) {
	if len(note) > 0 {
		if err = json.Unmarshal(note, &out); err != nil {
			return nil, fmt.Errorf("read forgets: %w", err)
		}
	}
	return out, nil
}

// change stores the orders that fn returns.
func (f *forgets) change(fn func(was []*pendingForget) []*pendingForget) error {
	err := f.log.UpdateNote(noteForgets, func(note []byte) ([]byte, error) {
		was, _ := ordersIn(note) // Run has logged orders that cannot be read
		now := fn(was)
		if len(now) == 0 {
			return nil, nil
		}
		b, err := json.Marshal(now)
		if err != nil {
			return nil, fmt.Errorf("store forgets: %w", err)
		}
		return b, nil
	})
	if err != nil {
		return fmt.Errorf("store the forgets that stores have not carried out: %w", err)
	}
	return f.read()
}

// add stores a forget for stores.
func (f *forgets) add(lines, stores []string, at time.Time) error {
	if len(stores) == 0 {
		return nil
	}
	var id [8]byte
	rand.Read(id[:])
	o := &pendingForget{ID: hex.EncodeToString(id[:]), At: at, Lines: lines, Stores: stores}
	return f.change(func(was []*pendingForget) []*pendingForget {
		if slices.ContainsFunc(was, func(w *pendingForget) bool { return w.ID == o.ID }) {
			return was
		}
		return append(was, o)
	})
}

// done records that a store has carried out forgets.
func (f *forgets) done(store string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return f.removeStores(func(o *pendingForget, s string) bool { return s == store && slices.Contains(ids, o.ID) })
}

// removeStores removes stores from orders, and orders without stores.
func (f *forgets) removeStores(gone func(o *pendingForget, store string) bool) error {
	if len(f.storesWith(gone)) == 0 {
		return nil
	}
	return f.change(func(was []*pendingForget) (left []*pendingForget) {
		for _, o := range was {
			o.Stores = slices.DeleteFunc(o.Stores, func(s string) bool { return gone(o, s) })
			if len(o.Stores) > 0 {
				left = append(left, o)
			}
		}
		return left
	})
}

// of returns the orders that a store has not carried out, or has only just.
func (f *forgets) of(store string) (out []*pendingForget) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.refresh() // Run logs the error
	if len(f.recent) > 0 {
		now := f.now()
		f.recent = slices.DeleteFunc(f.recent, func(c carriedOut) bool { return !now.Before(c.until) })
		for _, c := range f.recent {
			if c.store == store {
				out = append(out, c.order)
			}
		}
	}
	for _, o := range f.orders {
		if slices.Contains(o.Stores, store) {
			out = append(out, o)
		}
	}
	return out
}

// next returns the first order that a store has not carried out; nil: none.
func (f *forgets) next(store string) *Forget {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.refresh()
	for _, o := range f.orders {
		if slices.Contains(o.Stores, store) {
			return &Forget{ID: o.ID, At: o.At, Lines: o.Lines}
		}
	}
	return nil
}

// waiting returns how many orders each store has not carried out.
func (f *forgets) waiting() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.refresh()
	out := make(map[string]int)
	for _, o := range f.orders {
		for _, s := range o.Stores {
			out[s]++
		}
	}
	return out
}

// storesWith returns the stores with an order that they have not carried out and for which is
// returns true.
func (f *forgets) storesWith(is func(o *pendingForget, store string) bool) (stores []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.refresh()
	for _, o := range f.orders {
		for _, s := range o.Stores {
			if is(o, s) {
				stores = append(stores, s)
			}
		}
	}
	slices.Sort(stores)
	return slices.Compact(stores)
}

// Forget orders the relays of stores to remove the people that lines identify, each at its
// next call. Once it returns, no hub of the log accepts an event about them from a store that
// has not carried it out. It returns the stores, sorted. Without lines it only does that. If
// ctx ends before the other hubs have read the order, the order stays and the error is ctx's.
func (h *Hub) Forget(ctx context.Context, lines, stores []string) ([]string, error) {
	stores = slices.Clone(stores)
	slices.Sort(stores)
	stores = slices.Compact(stores)
	if len(lines) == 0 {
		return stores, nil
	}
	err := h.forgets.add(lines, stores, h.o.Now().UTC())
	if err == nil && h.shared() && len(stores) > 0 {
		wait(ctx, knownWithin, nil)
		err = ctx.Err()
	}
	return stores, err
}

// rolledOut is the time after which all relays of a log have the same keys.
const rolledOut = 24 * time.Hour

// removeClosedStores removes stores without a key from the orders: they cannot call any more, and
// the person's data in a forget must not be kept for ever.
func (h *Hub) removeClosedStores() {
	if h.o.Stores == nil {
		return
	}
	open := h.o.Stores()
	isClosed := func(o *pendingForget, store string) bool {
		return !slices.Contains(open, store) && (!h.shared() || h.o.Now().Sub(o.At) > rolledOut)
	}
	closed := h.forgets.storesWith(isClosed)
	if len(closed) == 0 {
		return
	}
	if err := h.forgets.removeStores(isClosed); err != nil {
		h.o.Logger.Error("cannot remove stores without a key from the forgets; relay tries again", "code", logs.SettleFailed, "err", err)
		return
	}
	h.o.Logger.Warn("stores without a key have not carried out a forget: remove the person there by hand", "code", logs.ForgetNotTold, "stores", closed)
}

// forgotten returns a function that reports whether a record is about a person whom the store
// has not removed yet. The caller holds s.turn.
func (h *Hub) forgotten(store string, s *storeRanges) func(body []byte, id string, received time.Time) bool {
	var looks []Look
	for _, o := range h.forgets.of(store) {
		if s.looks[o.ID] == nil {
			if s.looks == nil {
				s.looks = make(map[string]Look)
			}
			s.looks[o.ID] = h.o.Look(o.Lines)
		}
		looks = append(looks, s.looks[o.ID])
	}
	if len(looks) == 0 {
		s.looks = nil
	}
	return func(body []byte, id string, received time.Time) bool {
		return slices.ContainsFunc(looks, func(l Look) bool { return l.Event(body, id, received) })
	}
}
