package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"relay/queue"
)

// Ledger is a lane's durable state and its decisions, until the queue has stored both.
//
// Invariant: a settlement that failed is offered again with its id before anything newer. It
// might only have taken too long and still happen; because of the id it does not happen twice.
// Invariant: a settlement with letters has no delivered records, so that those do not wait for
// space for letters (the caller's duty).
type Ledger struct {
	log  Log
	lane string

	State     State
	Dirty     bool      // State differs from the stored one
	StoredAt  time.Time // when the last settlement was stored
	BadStores int       // settlements in a row that failed

	pending  queue.Settlement  // decided, not stored yet
	offered  *queue.Settlement // offered to the queue, not stored yet
	revision queue.Revision    // of the lane after its last settlement
	letters  int               // approximate bytes of the letters in pending
	lastErr  error             // of the last settlement that failed
}

// Log is the part of a queue that a ledger uses.
type Log interface {
	Lane(name string) (queue.LaneStat, bool)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
}

// New makes the ledger of a lane. The caller calls Load first.
func New(log Log, lane string) Ledger { return Ledger{log: log, lane: lane} }

// Load reads the stored state. On error the state is that of a new lane. Since the queue
// still knows what is settled, at most one request is then sent twice.
func (g *Ledger) Load() error {
	st, _ := g.log.Lane(g.lane)
	var err error
	g.State, err = Decode(st.State)
	g.revision = st.Revision
	return err
}

// Count counts outcomes with the next settlement.
func (g *Ledger) Count(k string, n int) {
	if g.pending.Counts == nil {
		g.pending.Counts = map[string]int{}
	}
	g.pending.Counts[k] += n
}

// Settle adds records, and parts of records, to the next settlement.
func (g *Ledger) Settle(whole []queue.Range, parts []queue.Part) {
	for _, r := range whole {
		if n := len(g.pending.Settled); n > 0 && g.pending.Settled[n-1].To == r.From {
			g.pending.Settled[n-1].To = r.To
			continue
		}
		g.pending.Settled = append(g.pending.Settled, r)
	}
	g.pending.Parts = append(g.pending.Parts, parts...)
}

// Letter adds a dead letter to the next settlement.
func (g *Ledger) Letter(d queue.DeadLetter) {
	g.pending.Dead = append(g.pending.Dead, d)
	g.letters += letterSize(&d)
	g.Count("dead:"+d.Reason, 1)
}

// HasRoomFor reports whether a letter fits into the next settlement; the first one always
// does. Letters are stored in pieces, so that a store with little space left takes some of
// them.
func (g *Ledger) HasRoomFor(d *queue.DeadLetter) bool {
	return len(g.pending.Dead) == 0 || g.letters+letterSize(d) <= maxLetterBytes
}

const maxLetterBytes = 256 << 10 // bytes of letters in a settlement

// letterSize returns the approximate size of a dead letter before compression.
func letterSize(d *queue.DeadLetter) int { return len(d.Body) + len(d.Message) + 512 }

// ShouldStore reports whether there are enough letters for a settlement.
func (g *Ledger) ShouldStore() bool { return g.letters > maxLetterBytes/2 }

// HasLetters reports whether the next settlement has letters.
func (g *Ledger) HasLetters() bool { return len(g.pending.Dead) > 0 }

// OfferedLetters returns the number of letters in the settlement that failed.
func (g *Ledger) OfferedLetters() int {
	if g.offered == nil {
		return 0
	}
	return len(g.offered.Dead)
}

// HasSettled reports whether the next settlement has records.
func (g *Ledger) HasSettled() bool { return len(g.pending.Settled)+len(g.pending.Parts) > 0 }

// Clean reports whether everything is stored.
func (g *Ledger) Clean() bool {
	return g.offered == nil && !g.Dirty && !g.HasSettled() && !g.HasLetters() && len(g.pending.Counts) == 0
}

// Store offers the queue the settlement that failed before, or else a new one. It returns the
// counts of the settlement that was stored.
func (g *Ledger) Store() (counts map[string]int, err error) {
	if g.offered == nil {
		p := g.pending
		p.ID, p.Revision, p.State = rand.Uint64(), g.revision, g.State.Encode()
		g.offered, g.pending, g.letters, g.Dirty = &p, queue.Settlement{}, 0, false
	}
	revision, err := g.log.Settle(g.lane, *g.offered)
	for errors.Is(err, queue.ErrStale) { // Meta's answers are still true after another change of the lane
		st, _ := g.log.Lane(g.lane)
		g.offered.Revision = st.Revision
		revision, err = g.log.Settle(g.lane, *g.offered)
	}
	if err != nil {
		g.BadStores++
		g.lastErr = err
		return nil, err
	}
	counts = g.offered.Counts
	g.offered, g.revision, g.StoredAt = nil, revision, time.Now()
	return counts, nil
}

// LettersFull reports whether the last settlement failed for lack of space for letters.
func (g *Ledger) LettersFull() bool { return errors.Is(g.lastErr, queue.ErrDeadFull) }

// DropLetters discards the letters that are not stored; their records will be read again. By
// the invariant nothing delivered is lost with them.
func (g *Ledger) DropLetters() {
	if g.offered != nil && len(g.offered.Dead) > 0 && g.LettersFull() {
		g.offered, g.Dirty = nil, true // the queue has certainly not stored it
	}
	if len(g.pending.Dead) > 0 {
		g.pending, g.letters, g.Dirty = queue.Settlement{}, 0, true
	}
}

// Discard discards everything that is not stored: another process has the lane.
func (g *Ledger) Discard() {
	g.offered, g.pending, g.letters, g.Dirty = nil, queue.Settlement{}, 0, false
}

// Unsettled returns an error if deliveries of a lane that has ended are not stored.
func (g *Ledger) Unsettled() error {
	if g.offered == nil || g.LettersFull() {
		return nil
	}
	return fmt.Errorf("event set %s cannot store what it has delivered; try again once the queue can be written: %w", g.lane, g.lastErr)
}
