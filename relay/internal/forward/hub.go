package forward

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/track"
)

// HubOptions configures a Hub. Every field except Logger must be set, unless it says so.
type HubOptions struct {
	Log            Log
	Route          track.Routes
	FingerprintKey track.FingerprintKey
	Event          int // most bytes of an event
	Now            func() time.Time
	Clock          func() (now time.Time, trusted bool) // nil: edges learn no time from this hub
	Look           func(lines []string) Look            // finds the people of a forget
	Mappings       func() []string                      // define how a person is found; nil: none
	Stores         func() []string                      // stores with a key; nil: unknown
	// Delivers reports whether this relay delivers, of those that share the log. That one
	// does the background work. Nil: the log is not shared.
	Delivers func() bool
	Logger   *slog.Logger
}

// Log is the part of a queue that a hub uses. *local.Queue and *jetstream.Queue, which several
// hubs share, implement it.
type Log interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
	Note(key string) []byte
	// UpdateNote stores the note that fn returns, by compare-and-set; nil removes it. fn can be
	// called with its own earlier result.
	UpdateNote(key string, fn func(was []byte) ([]byte, error)) error
	// Current returns once the notes that others set up to ago before now are readable.
	Current(ctx context.Context, ago time.Duration) error
	// CanAppend returns an error if an Append would not be durable now.
	CanAppend() error
	// CountDropped counts records that were not dropped by the queue itself.
	CountDropped(reason string, n int)
}

// Hub stores the chunks of edges. It is safe for concurrent use.
type Hub struct {
	o       HubOptions
	ready   atomic.Bool // every mark was read
	kick    chan struct{}
	works   sync.Pool // of *work
	forgets forgets

	reading sync.Mutex
	next    queue.Seq // first mark that was not read; guarded by reading

	mu     sync.Mutex
	stores map[string]*storeRanges
	seen   map[string]*Seen
	fresh  map[string]bool // stores in seen that are not in a note yet
}

// Answer is a hub's answer to a chunk or a Call.
type Answer struct {
	Success bool `json:"success"`
	Stored  int  `json:"stored"`
	Repeats int  `json:"repeats"` // records that the hub already had
	// Forgotten has the numbers of records that the hub never stores, because they are about
	// a person whom it has removed.
	Forgotten []queue.Seq `json:"forgotten,omitempty"`
	// Proof is computed from the body, which a server that always answers 200 does not do.
	Proof string `json:"proof"`
	// Now is the hub's time, if its clock is trusted: edges correct theirs by it.
	Now time.Time `json:"now,omitzero"`

	Call    bool    `json:"call,omitempty"`    // the edge should make a Call: there is a forget
	Forget  *Forget `json:"forget,omitempty"`  // the edge must carry it out and confirm it in its next Call
	Missing []saved `json:"missing,omitempty"` // the parts of Call.Has that the hub lacks
}

// ErrBusy means that another chunk of the store is being stored. ErrStarting means that the
// hub has not read yet which ranges it has.
var (
	ErrBusy     = errors.New("another chunk of this store is being stored")
	ErrStarting = errors.New("the hub is starting")
)

// NewHub makes a Hub. It accepts chunks once Run has read the ranges it has.
func NewHub(o HubOptions) *Hub {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, kick: make(chan struct{}, 1), stores: map[string]*storeRanges{}, seen: map[string]*Seen{}, fresh: map[string]bool{}, forgets: forgets{log: o.Log, now: o.Now}}
	return h
}

// shared reports whether other hubs have the same log.
func (h *Hub) shared() bool { return h.o.Delivers != nil }

// maintains reports whether this hub does the background work.
func (h *Hub) maintains() bool { return !h.shared() || h.o.Delivers() }

// foldAfter is how long marks stay in the log before they are folded into notes.
const foldAfter = 30 * time.Second

// Run reads which ranges the hub has, then folds marks into notes until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := h.recall(ctx)
		if err == nil {
			break
		}
		h.o.Logger.Error("the queue does not answer", "code", logs.QueueFailed, "while", "reading what stores have forwarded", "err", err)
		wait(ctx, 5*time.Second, nil)
	}
	if ctx.Err() != nil {
		return nil
	}
	h.ready.Store(true)
	if err := h.forgets.read(); err != nil {
		h.o.Logger.Error("cannot read the forgets that stores have not carried out: run them again", "code", logs.ForgetNotDone, "err", err)
	}
	var showing sync.WaitGroup
	defer showing.Wait()
	if h.shared() {
		showing.Go(func() { h.show(ctx) })
	}
	for ctx.Err() == nil {
		if h.maintains() {
			h.removeClosedStores()
		}
		if !h.shared() { // other hubs do not wake this one, so a shared log is polled
			wait(ctx, time.Hour, h.kick)
		}
		wait(ctx, foldAfter, nil)
		if ctx.Err() != nil {
			return nil
		}
		if !h.maintains() {
			continue
		}
		if err := h.fold(ctx); err != nil && ctx.Err() == nil {
			h.o.Logger.Error("cannot store what stores have forwarded; it stays in the log", "code", logs.SettleFailed, "err", err)
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
