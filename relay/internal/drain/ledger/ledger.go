package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"relay/queue"
)

// Ledger is a lane's durable state and what is decided beside it, until the queue has
// stored both. Invariants: what the queue did not take is offered again, under its id,
// before anything newer, since a settlement that only took too long may still happen, and
// does not happen twice; letters wait for room with nothing that was delivered (apart).
type Ledger struct {
	log  Log
	lane string // whose it is

	State     State
	Dirty     bool      // State differs from what is stored
	StoredAt  time.Time // when the last settlement was stored
	BadStores int       // settlements in a row that failed

	pending  queue.Settlement  // decided, not stored yet
	offered  *queue.Settlement // offered to the queue, not taken yet
	revision queue.Revision    // of the lane, as it was settled last
	letters  int               // bytes of those in pend, about
	lastErr  error             // of the last settlement that failed
}

// Log is what a ledger needs of a queue.
type Log interface {
	Lane(name string) (queue.LaneStat, bool)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
}

// New makes the ledger of a lane. Load comes before all else.
func New(log Log, lane string) Ledger { return Ledger{log: log, lane: lane} }

// Load takes up what is stored. On error the state is a new lane's: what is settled is
// known all the same, so that at most a request is sent twice.
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

// Settle settles records, and parts of some, with the next settlement.
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

// Letter makes a dead letter with the next settlement.
func (g *Ledger) Letter(d queue.DeadLetter) {
	g.pending.Dead = append(g.pending.Dead, d)
	g.letters += letterSize(&d)
	g.Count("dead:"+d.Reason, 1)
}

// Takes says whether a letter goes into the next settlement: the first does. They are
// Settle in pieces, so that a bounded store with some room takes some of them; the rest
// waits for more room.
func (g *Ledger) HasRoomFor(d *queue.DeadLetter) bool {
	return len(g.pending.Dead) == 0 || g.letters+letterSize(d) <= maxLetterBytes
}

const maxLetterBytes = 256 << 10 // bytes of letters in a settlement

// letterSize is about what a dead letter takes, before compression.
func letterSize(d *queue.DeadLetter) int { return len(d.Body) + len(d.Message) + 512 }

// Bulky says that letters are worth a settlement by now.
func (g *Ledger) ShouldStore() bool { return g.letters > maxLetterBytes/2 }

// Letters says whether the next settlement makes letters.
func (g *Ledger) HasLetters() bool { return len(g.pending.Dead) > 0 }

// Stuck is how many letters are in the settlement that the queue did not take.
func (g *Ledger) OfferedLetters() int {
	if g.offered == nil {
		return 0
	}
	return len(g.offered.Dead)
}

// Open says whether records are settled that are not stored as that.
func (g *Ledger) HasSettled() bool { return len(g.pending.Settled)+len(g.pending.Parts) > 0 }

// Clean says that everything is stored.
func (g *Ledger) Clean() bool {
	return g.offered == nil && !g.Dirty && !g.HasSettled() && !g.HasLetters() && len(g.pending.Counts) == 0
}

// Store offers the queue what it has not taken, or else what is new, and gives what that
// counted.
func (g *Ledger) Store() (counts map[string]int, err error) {
	if g.offered == nil {
		p := g.pending
		p.ID, p.Revision, p.State = rand.Uint64(), g.revision, g.State.Encode()
		g.offered, g.pending, g.letters, g.Dirty = &p, queue.Settlement{}, 0, false
	}
	revision, err := g.log.Settle(g.lane, *g.offered)
	for errors.Is(err, queue.ErrStale) { // what Meta has said is true of the lane as it is now, too
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

// Full says that there was no room for the last letters.
func (g *Ledger) LettersFull() bool { return errors.Is(g.lastErr, queue.ErrDeadFull) }

// TakeBack takes back the letters that are not stored: their records are looked at
// again. Nothing delivered is in the same settlement.
func (g *Ledger) DropLetters() {
	if g.offered != nil && len(g.offered.Dead) > 0 && g.LettersFull() {
		g.offered, g.Dirty = nil, true // it did not happen
	}
	if len(g.pending.Dead) > 0 {
		g.pending, g.letters, g.Dirty = queue.Settlement{}, 0, true
	}
}

// Forsake forgets what is not stored: another process has the lane.
func (g *Ledger) Discard() {
	g.offered, g.pending, g.letters, g.Dirty = nil, queue.Settlement{}, 0, false
}

// Unsettled says, of a lane that has ended, that what it delivered is not on record.
func (g *Ledger) Unsettled() error {
	if g.offered == nil || g.LettersFull() {
		return nil
	}
	return fmt.Errorf("event set %s cannot note on disk what it has delivered; try again when it can: %w", g.lane, g.lastErr)
}
