package forward

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/track"
)

// HubOptions are what a Hub needs; all but Logger.
type HubOptions struct {
	Log      Log
	Route    track.Routes
	PrintKey track.PrintKey
	Event    int // most bytes of an event
	Now      func() time.Time
	Look     func(lines []string) Look // for the people of a forget
	Mappings func() []string           // by which a person is found; nil: none
	Stores   func() []string           // that have a key; nil: not known
	// Delivers says whether this relay is the one of those with the log that delivers: it
	// tidies up for all. Nil: this hub has the log for itself.
	Delivers func() bool
	Logger   *slog.Logger
}

// Hub takes what edges hand over. It is safe for concurrent use.
type Hub struct {
	o       HubOptions
	ready   atomic.Bool // every mark is read
	kick    chan struct{}
	works   sync.Pool // of *work
	forgets forgets

	reading sync.Mutex
	next    queue.Seq // where the marks begin that were not read; under reading

	mu     sync.Mutex
	stores map[string]*had
	seen   map[string]*Seen
	fresh  map[string]bool // those of seen that no note has yet
}

// Answer is what a hub says to a chunk that it has.
type Answer struct {
	Success bool `json:"success"`
	Stored  int  `json:"stored"`
	Repeats int  `json:"repeats"` // records that it had already
	// Forgotten are the numbers of records that it has not taken, and never takes: they are
	// about somebody whom the hub has forgotten.
	Forgotten []queue.Seq `json:"forgotten,omitempty"`
	// Proof is made of the body that is answered: what answers 200 to anything has none.
	Proof string `json:"proof"`

	Call    bool    `json:"call,omitempty"`    // the hub has something to say: a Call gets it
	Forget  *Forget `json:"forget,omitempty"`  // to be carried out, and told in the next Call
	Missing []saved `json:"missing,omitempty"` // what the hub lacks of Call.Has
}

// ErrBusy says that another chunk of the store is being stored; ErrStarting that the
// hub does not know yet what it has.
var (
	ErrBusy     = errors.New("another chunk of this store is being stored")
	ErrStarting = errors.New("the hub is starting")
)

// NewHub makes a Hub; it takes chunks once Run has read what it had.
func NewHub(o HubOptions) *Hub {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, kick: make(chan struct{}, 1), stores: map[string]*had{}, seen: map[string]*Seen{}, fresh: map[string]bool{}, forgets: forgets{log: o.Log, now: o.Now}}
	return h
}

// shared says whether the hubs of other relays have the log too.
func (h *Hub) shared() bool { return h.o.Delivers != nil }

// mine says whether this hub tidies up.
func (h *Hub) mine() bool { return !h.shared() || h.o.Delivers() }

// foldAfter is how long marks lie in the log before notes take their place.
const foldAfter = 30 * time.Second

// Run reads what the hub had, and folds marks into notes until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := h.recall(ctx)
		if err == nil {
			break
		}
		h.o.Logger.Error("the queue does not answer", "code", logs.QueueFailed, "while", "recalling what stores have handed over", "err", err)
		wait(ctx, 5*time.Second, nil)
	}
	if ctx.Err() != nil {
		return nil
	}
	h.ready.Store(true)
	if err := h.forgets.read(); err != nil {
		h.o.Logger.Error("forgets that stores have not been told of cannot be read: run them again", "code", logs.ForgetNotDone, "err", err)
	}
	var showing sync.WaitGroup
	defer showing.Wait()
	if h.shared() {
		showing.Go(func() { h.show(ctx) })
	}
	for ctx.Err() == nil {
		if h.mine() {
			h.strikeClosed()
		}
		if !h.shared() { // others kick nobody
			wait(ctx, time.Hour, h.kick)
		}
		wait(ctx, foldAfter, nil)
		if ctx.Err() != nil {
			return nil
		}
		if !h.mine() {
			continue
		}
		if err := h.fold(ctx); err != nil && ctx.Err() == nil {
			h.o.Logger.Error("cannot keep what stores have handed over; it stays in the log", "code", logs.SettleFailed, "err", err)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration, also <-chan struct{}) {
	var after <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
	case <-after:
	case <-also:
	}
}

// marks calls fn for the open marks from a place on, and says where they end and what
// settles them.
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

// recall takes up the marks that were not read yet.
func (h *Hub) recall(ctx context.Context) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	end, all, err := h.marks(ctx, h.next, h.take)
	if err == nil {
		h.next = end
	}
	if len(all) > 0 {
		h.wake()
	}
	return err
}

// take adds what a mark says to what the hub has. A mark may be the only one that
// says it: an append that took too long was answered as an error.
func (h *Hub) take(m *mark) {
	if src, ok := m.source(); ok {
		h.store(m.Store).take(src, m.Ranges)
	}
}

func (h *Hub) wake() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// knownWithin is how much later a hub knows what another one with the same log has kept.
const knownWithin = 2 * time.Second

// follow takes up what other hubs of the log have of a store.
func (h *Hub) follow(ctx context.Context, store string) error {
	if !h.shared() {
		return nil
	}
	if err := h.o.Log.Current(ctx, knownWithin); err != nil {
		return err //nolint:wrapcheck // callers choose by it
	}
	if err := h.recall(ctx); err != nil {
		return err
	}
	return h.store(store).read(h.o.Log.Note(noteHad + store))
}

// fold keeps in notes what the marks say, and settles those. Invariant: a mark is
// settled only once a note has it.
func (h *Hub) fold(ctx context.Context) error {
	of := map[string]bool{}
	_, all, err := h.marks(ctx, 0, func(m *mark) { h.take(m); of[m.Store] = true })
	if err != nil || len(of) == 0 {
		return err
	}
	for name := range of {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s := h.store(name)
		if err := h.o.Log.UpdateNote(noteHad+name, func(was []byte) ([]byte, error) {
			if err := s.read(was); err != nil {
				return nil, err
			}
			return s.keep()
		}); err != nil {
			return fmt.Errorf("keep what a store has handed over: %w", err)
		}
	}
	if _, err := h.o.Log.Settle(queue.LaneHad, queue.Settlement{Settled: all}); err != nil {
		return fmt.Errorf("settle marks: %w", err)
	}
	return nil
}

// store gives what the hub has of a store.
func (h *Hub) store(name string) *had {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stores[name]
	if s == nil {
		s = &had{of: make(map[source]ranges)}
		if err := s.read(h.o.Log.Note(noteHad + name)); err != nil {
			h.o.Logger.Error("what a store has handed over before is not known; what it sends again is recognised by its ids", "code", logs.QueueFailed, "err", err)
		}
		h.stores[name] = s
	}
	return s
}

// work is what taking a chunk needs, kept for the next one.
type work struct {
	chunk   Chunk
	entries []queue.Entry
	reader  track.Reader
	name    string // of the last event
}

// done keeps w, without what was in it.
func (h *Hub) done(w *work) {
	clear(w.chunk.Records)
	clear(w.entries)
	w.chunk, w.entries = Chunk{Records: w.chunk.Records[:0]}, w.entries[:0]
	w.reader.Release()
	if max(cap(w.entries), cap(w.chunk.Records)) <= keptRecords {
		h.works.Put(w)
	}
}

// keptRecords is more than a chunk has.
const keptRecords = 4096

// Forward takes a chunk of a store: once it returns nil all of it is on disk. Errors
// to decide by: ErrFormat, *VersionError, ErrTooLarge, ErrBusy, ErrStarting and those
// of Append. allows says which events the key may send; nil: all. A chunk has most bytes
// unpacked, in room as far as that is enough; after an error the log may still read both
// body and room.
func (h *Hub) Forward(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (Answer, error) {
	a, err := h.hear(ctx, store, allows, body, room, most)
	a.Proof = Proof(body)
	return a, err
}

func (h *Hub) hear(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (Answer, error) {
	if isCall(body) {
		return h.call(ctx, store, body)
	}
	if bytes.Equal(body, probe) {
		if !h.ready.Load() {
			return Answer{}, ErrStarting
		}
		return Answer{Success: true}, h.o.Log.CanAppend() //nolint:wrapcheck // callers choose by it
	}
	w, _ := h.works.Get().(*work)
	if w == nil {
		w = &work{reader: track.Reader{Limits: track.Limits{EventBytes: h.o.Event, Messages: 1, Merged: 4 * h.o.Event}, Key: h.o.PrintKey}}
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
			return Answer{}, err //nolint:wrapcheck // callers choose by it
		}
		if gone := len(a.Forgotten); gone > 0 {
			h.o.Log.CountDropped(queue.DropForgotten, gone)
			h.o.Logger.Warn("a store handed over what is about somebody who was forgotten here: it is not taken", "code", logs.ForgottenNotTaken, "store", store, "events", gone)
		}
		a.Stored = max(0, got.Stored+got.Conflicts-1) // but the mark
		s.take(src, [][2]uint64{{uint64(r.From), uint64(r.To)}})
		h.wake()
	} else {
		a.Repeats = len(c.Records)
	}
	h.note(store, c, a)
	h.done(w)
	return a, nil
}

// mark is the entry that says what is appended with it.
func (h *Hub) mark(store string, src source, r queue.Range) (queue.Entry, error) {
	m := mark{Store: store, saved: save(src, ranges{r})}
	b, err := json.Marshal(m)
	if err != nil {
		return queue.Entry{}, fmt.Errorf("make mark: %w", err)
	}
	key := fmt.Sprintf("had:%s:%d:%x-%x:%s", hex.EncodeToString(src.epoch[:]), src.lane, uint64(r.From), uint64(r.To), store)
	return queue.Entry{ID: key, Space: queue.ByKey, Key: key, Lanes: []string{queue.LaneHad}, Received: h.o.Now(), Body: b}, nil
}

// entry judges a record as intake would. Its body has been through one before: reading
// it again changes nothing of it.
func (h *Hub) entry(w *work, store string, rec *queue.Record, allows func([]byte) bool) queue.Entry {
	c := &w.chunk
	e := queue.Entry{ID: rec.ID, Store: store, Received: rec.Received, Flags: rec.Flags, Body: rec.Body}
	switch {
	case c.Lane == Refused || rec.Flags&queue.FlagTooLarge != 0:
	case c.Lane == Conflicts:
		e.Lanes, e.Flags = []string{queue.LaneConflict}, e.Flags|queue.FlagIDConflict
		e.Space, e.Key = queue.ByKey, fmt.Sprintf("conflict:%x:%x:%s", c.Epoch, uint64(rec.Seq), store)
		return e
	default:
		msg, err := w.reader.One(rec.Body)
		switch {
		case err != nil || !msg.Track:
		case msg.Problem != nil:
			e.Flags |= msg.Flags & queue.FlagTooLarge
		case allows != nil && !allows(msg.Event):
		default:
			if w.name != string(msg.Event) {
				w.name = string(msg.Event)
			}
			e.Fingerprint, e.Lanes, e.Flags = msg.Print, track.Lanes(h.o.Route, w.name), e.Flags|msg.Flags
			return e
		}
	}
	sum := sha256.Sum256(e.Body)
	e.Space, e.Fingerprint, e.Lanes = queue.ByRefusedID, binary.LittleEndian.Uint64(sum[:]), track.RefusedLanes()
	return e
}
