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

	pend     queue.Settlement  // decided, not stored yet
	stuck    *queue.Settlement // offered to the queue, not taken yet
	revision queue.Revision    // of the lane, as it was settled last
	letters  int               // bytes of those in pend, about
	cause    error             // of the last settlement that failed
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
	if g.pend.Counts == nil {
		g.pend.Counts = map[string]int{}
	}
	g.pend.Counts[k] += n
}

// Settle settles records, and parts of some, with the next settlement.
func (g *Ledger) Settle(whole []queue.Range, parts []queue.Part) {
	for _, r := range whole {
		if n := len(g.pend.Settled); n > 0 && g.pend.Settled[n-1].To == r.From {
			g.pend.Settled[n-1].To = r.To
			continue
		}
		g.pend.Settled = append(g.pend.Settled, r)
	}
	g.pend.Parts = append(g.pend.Parts, parts...)
}

// Letter makes a dead letter with the next settlement.
func (g *Ledger) Letter(d queue.DeadLetter) {
	g.pend.Dead = append(g.pend.Dead, d)
	g.letters += letterSize(&d)
	g.Count("dead:"+d.Reason, 1)
}

// Takes says whether a letter goes into the next settlement: the first does. They are
// Settle in pieces, so that a bounded store with some room takes some of them; the rest
// waits for more room.
func (g *Ledger) Takes(d *queue.DeadLetter) bool {
	return len(g.pend.Dead) == 0 || g.letters+letterSize(d) <= letterPiece
}

const letterPiece = 256 << 10 // bytes of letters in a settlement

// letterSize is about what a dead letter takes, before compression.
func letterSize(d *queue.DeadLetter) int { return len(d.Body) + len(d.Message) + 512 }

// Bulky says that letters are worth a settlement by now.
func (g *Ledger) Bulky() bool { return g.letters > letterPiece/2 }

// Letters says whether the next settlement makes letters.
func (g *Ledger) Letters() bool { return len(g.pend.Dead) > 0 }

// Stuck is how many letters are in the settlement that the queue did not take.
func (g *Ledger) Stuck() int {
	if g.stuck == nil {
		return 0
	}
	return len(g.stuck.Dead)
}

// Open says whether records are settled that are not stored as that.
func (g *Ledger) Open() bool { return len(g.pend.Settled)+len(g.pend.Parts) > 0 }

// Clean says that everything is stored.
func (g *Ledger) Clean() bool {
	return g.stuck == nil && !g.Dirty && !g.Open() && !g.Letters() && len(g.pend.Counts) == 0
}

// Store offers the queue what it has not taken, or else what is new, and gives what that
// counted.
func (g *Ledger) Store() (counts map[string]int, err error) {
	if g.stuck == nil {
		p := g.pend
		p.ID, p.Revision, p.State = rand.Uint64(), g.revision, g.State.Encode()
		g.stuck, g.pend, g.letters, g.Dirty = &p, queue.Settlement{}, 0, false
	}
	revision, err := g.log.Settle(g.lane, *g.stuck)
	for errors.Is(err, queue.ErrStale) { // what Meta has said is true of the lane as it is now, too
		st, _ := g.log.Lane(g.lane)
		g.stuck.Revision = st.Revision
		revision, err = g.log.Settle(g.lane, *g.stuck)
	}
	if err != nil {
		g.BadStores++
		g.cause = err
		return nil, err
	}
	counts = g.stuck.Counts
	g.stuck, g.revision, g.StoredAt = nil, revision, time.Now()
	return counts, nil
}

// Full says that there was no room for the last letters.
func (g *Ledger) Full() bool { return errors.Is(g.cause, queue.ErrDeadFull) }

// TakeBack takes back the letters that are not stored: their records are looked at
// again. Nothing delivered is in the same settlement.
func (g *Ledger) TakeBack() {
	if g.stuck != nil && len(g.stuck.Dead) > 0 && g.Full() {
		g.stuck, g.Dirty = nil, true // it did not happen
	}
	if len(g.pend.Dead) > 0 {
		g.pend, g.letters, g.Dirty = queue.Settlement{}, 0, true
	}
}

// Forsake forgets what is not stored: another process has the lane.
func (g *Ledger) Forsake() {
	g.stuck, g.pend, g.letters, g.Dirty = nil, queue.Settlement{}, 0, false
}

// Unsettled says, of a lane that has ended, that what it delivered is not on record.
func (g *Ledger) Unsettled() error {
	if g.stuck == nil || g.Full() {
		return nil
	}
	return fmt.Errorf("event set %s cannot note on disk what it has delivered; try again when it can: %w", g.lane, g.cause)
}
