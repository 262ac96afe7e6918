package forward

import (
	"bytes"
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

// forgets are the orders of a hub, as the note has them that all hubs of a log share. It
// is safe for concurrent use.
type forgets struct {
	log Log

	now func() time.Time

	mu     sync.Mutex
	note   []byte // which orders is
	orders []*told
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

// read takes up what is kept by now. The orders of a note that cannot be read are gone.
func (f *forgets) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fresh()
}

// fresh is read. f.mu is held.
func (f *forgets) fresh() error {
	note := f.log.Note(noteForgets)
	if bytes.Equal(note, f.note) {
		return nil
	}
	orders, err := ordersIn(note)
	for _, o := range f.orders {
		for _, s := range o.Stores {
			if !slices.ContainsFunc(orders, func(n *told) bool { return n.ID == o.ID && slices.Contains(n.Stores, s) }) {
				f.late = append(f.late, late{o, s, f.now().Add(lateChunks)})
			}
		}
	}
	f.note, f.orders = note, orders
	return err
}

func ordersIn(note []byte) (out []*told, err error) {
	if len(note) > 0 {
		if err = json.Unmarshal(note, &out); err != nil {
			return nil, fmt.Errorf("read forgets: %w", err)
		}
	}
	return out, nil
}

// change keeps what fn makes of the orders, durably.
func (f *forgets) change(fn func(was []*told) []*told) error {
	err := f.log.UpdateNote(noteForgets, func(note []byte) ([]byte, error) {
		was, _ := ordersIn(note) // what cannot be read was said to be gone
		now := fn(was)
		if len(now) == 0 {
			return nil, nil
		}
		b, err := json.Marshal(now)
		if err != nil {
			return nil, fmt.Errorf("keep forgets: %w", err)
		}
		return b, nil
	})
	if err != nil {
		return fmt.Errorf("keep the forgets that stores have not been told of: %w", err)
	}
	return f.read()
}

// add keeps a forget for stores, durably.
func (f *forgets) add(lines, stores []string, at time.Time) error {
	if len(stores) == 0 {
		return nil
	}
	var id [8]byte
	rand.Read(id[:])
	o := &told{ID: hex.EncodeToString(id[:]), At: at, Lines: lines, Stores: stores}
	return f.change(func(was []*told) []*told {
		if slices.ContainsFunc(was, func(w *told) bool { return w.ID == o.ID }) {
			return was
		}
		return append(was, o)
	})
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
	if len(f.unreached(gone)) == 0 {
		return nil
	}
	return f.change(func(was []*told) (left []*told) {
		for _, o := range was {
			o.Stores = slices.DeleteFunc(o.Stores, func(s string) bool { return gone(o, s) })
			if len(o.Stores) > 0 {
				left = append(left, o)
			}
		}
		return left
	})
}

// of are the orders that a store has not carried out, or just now.
func (f *forgets) of(store string) (out []*told) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.fresh() // said by Run
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
	_ = f.fresh()
	for _, o := range f.orders {
		if slices.Contains(o.Stores, store) {
			return &Forget{ID: o.ID, At: o.At, Lines: o.Lines}
		}
	}
	return nil
}

// waiting is how many each store has not carried out.
func (f *forgets) waiting() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.fresh()
	out := make(map[string]int)
	for _, o := range f.orders {
		for _, s := range o.Stores {
			out[s]++
		}
	}
	return out
}

// unreached are the stores for which some forget is kept that they have not carried out,
// of those for which is says so.
func (f *forgets) unreached(is func(o *told, store string) bool) (stores []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.fresh()
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

// Forget has the relays of stores remove the people that lines name, each at its next
// call. Once it returns nothing about them is taken from a store that has not. It says
// which stores that are. Without lines nobody is told. Other hubs of the log know it by
// the time it returns.
func (h *Hub) Forget(lines, stores []string) ([]string, error) {
	stores = slices.Clone(stores)
	slices.Sort(stores)
	stores = slices.Compact(stores)
	if len(lines) == 0 {
		return stores, nil
	}
	err := h.forgets.add(lines, stores, h.o.Now().UTC())
	if err == nil && h.shared() && len(stores) > 0 {
		time.Sleep(knownWithin)
	}
	return stores, err
}

// rolledOut is after how long all relays of a log have the same keys.
const rolledOut = 24 * time.Hour

// strikeClosed gives up on stores that have no key any more: they cannot be reached, and
// what a forget names must not lie here for ever.
func (h *Hub) strikeClosed() {
	if h.o.Stores == nil {
		return
	}
	open := h.o.Stores()
	isClosed := func(o *told, store string) bool {
		return !slices.Contains(open, store) && (!h.shared() || h.o.Now().Sub(o.At) > rolledOut)
	}
	closed := h.forgets.unreached(isClosed)
	if len(closed) == 0 {
		return
	}
	if err := h.forgets.strike(isClosed); err != nil {
		h.o.Logger.Error("cannot note that stores without a key are no longer waited for; tried again", "code", logs.SettleFailed, "err", err)
		return
	}
	h.o.Logger.Warn("stores that have no key any more were never told of a forget: remove the person there by hand", "code", logs.ForgetNotTold, "stores", closed)
}

// forgotten says whether a record is about somebody whom its store has not forgotten
// yet. The caller holds s.turn.
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
