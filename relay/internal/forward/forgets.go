package forward

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/internal/logs"
)

// noteForgets is where a hub keeps the forgets that have not reached every store. What
// they name is a person: it lies there for no longer.
const noteForgets = "forward/forgets"

// told is a forget with the stores that it has not reached.
type told struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Lines  []string  `json:"lines"`
	Stores []string  `json:"stores"`
}

// Look says whether an event is about one of the people that it was made for. It is not
// called at the same time by two.
type Look interface {
	Event(body []byte, id string, received time.Time) bool
}

// forgets are the orders of a hub. It is safe for concurrent use.
type forgets struct {
	log Log

	now func() time.Time

	unread error // what was kept could not be read

	mu     sync.Mutex
	orders []*told // as they are kept
	late   []late
}

// late is an order that a store has carried out a moment ago: a chunk from before may
// still be on its way.
type late struct {
	order *told
	store string
	until time.Time
}

const lateChunks = 10 * time.Minute

// load reads what is kept.
func (f *forgets) load() {
	if b := f.log.Note(noteForgets); b != nil {
		f.unread = json.Unmarshal(b, &f.orders)
	}
}

// keep puts other orders in the place of those that are kept. f.mu is held.
func (f *forgets) keep(orders []*told) error {
	var b []byte
	if len(orders) > 0 {
		var err error
		if b, err = json.Marshal(orders); err != nil {
			return fmt.Errorf("keep forgets: %w", err)
		}
	}
	if err := f.log.SetNote(noteForgets, b); err != nil {
		return fmt.Errorf("keep the forgets that stores have not been told of: %w", err)
	}
	f.orders = orders
	return nil
}

// add keeps a forget for stores, durably.
func (f *forgets) add(lines, stores []string, at time.Time) error {
	if len(stores) == 0 {
		return nil
	}
	var id [8]byte
	rand.Read(id[:])
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keep(append(slices.Clone(f.orders), &told{ID: hex.EncodeToString(id[:]), At: at, Lines: lines, Stores: stores}))
}

// done takes that a store has carried out forgets.
func (f *forgets) done(store string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return f.strike(func(o *told, s string) bool { return s == store && slices.Contains(ids, o.ID) })
}

// strike takes stores from orders, and orders without stores from what is kept.
func (f *forgets) strike(gone func(o *told, store string) bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left []*told
	changed := false
	for _, o := range f.orders {
		n := *o
		n.Stores = slices.DeleteFunc(slices.Clone(o.Stores), func(s string) bool { return gone(o, s) })
		for _, s := range o.Stores {
			if gone(o, s) {
				f.late = append(f.late, late{o, s, f.now().Add(lateChunks)})
			}
		}
		if changed = changed || len(n.Stores) < len(o.Stores); len(n.Stores) > 0 {
			left = append(left, &n)
		}
	}
	if !changed {
		return nil
	}
	return f.keep(left)
}

// of are the orders that a store has not carried out, or just now.
func (f *forgets) of(store string) (out []*told) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.late) > 0 {
		now := f.now()
		f.late = slices.DeleteFunc(f.late, func(l late) bool { return !now.Before(l.until) })
		for _, l := range f.late {
			if l.store == store {
				out = append(out, l.order)
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

// next is the first of them as it is handed over; nil: there is none.
func (f *forgets) next(store string) *Forget {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		if slices.Contains(o.Stores, store) {
			return &Forget{ID: o.ID, At: o.At, Lines: o.Lines}
		}
	}
	return nil
}

// waiting is how many a store has not carried out.
func (f *forgets) waiting(store string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		if slices.Contains(o.Stores, store) {
			n++
		}
	}
	return n
}

// unreached are the stores that some forget has not reached.
func (f *forgets) unreached() (stores []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		stores = append(stores, o.Stores...)
	}
	slices.Sort(stores)
	return slices.Compact(stores)
}

// Forget has the relays of stores remove the people that lines name, each at its next
// call. Once it returns nothing about them is taken from a store that has not. It says
// which stores that are. Without lines nobody is told.
func (h *Hub) Forget(lines, stores []string) ([]string, error) {
	stores = slices.Clone(stores)
	slices.Sort(stores)
	stores = slices.Compact(stores)
	if len(lines) == 0 {
		return stores, nil
	}
	return stores, h.forgets.add(lines, stores, h.o.Now().UTC())
}

// strikeClosed gives up on stores that have no key any more: they cannot be reached, and
// what a forget names must not lie here for ever.
func (h *Hub) strikeClosed() {
	if h.o.Stores == nil {
		return
	}
	open := h.o.Stores()
	closed := slices.DeleteFunc(h.forgets.unreached(), func(s string) bool { return slices.Contains(open, s) })
	if len(closed) == 0 {
		return
	}
	if err := h.forgets.strike(func(_ *told, store string) bool { return slices.Contains(closed, store) }); err != nil {
		h.o.Logger.Error("cannot note that stores without a key are no longer waited for; tried again", "code", logs.SettleFailed, "err", err)
		return
	}
	h.o.Logger.Warn("stores that have no key any more were never told of a forget: remove the person there by hand", "code", logs.ForgetNotTold, "stores", closed)
}

// forgotten says whether a record is about somebody whom its store has not forgotten
// yet. The caller holds the mutex of s.
func (h *Hub) forgotten(store string, s *had) func(body []byte, id string, received time.Time) bool {
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
