package drain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"relay/queue"
)

// ledger is a lane's durable state and what is decided beside it, until the queue has
// stored both. Invariants: what the queue did not take is offered again, under its id,
// before anything newer, since a settlement that only took too long may still happen, and
// does not happen twice; letters wait for room with nothing that was delivered (apart).
type ledger struct {
	q    Log
	lane string // whose it is

	st        durable
	dirty     bool              // st differs from what is stored
	pend      queue.Settlement  // decided, not stored yet
	stuck     *queue.Settlement // offered to the queue, not taken yet
	revision  queue.Revision    // of the lane, as it was settled last
	storedAt  time.Time         // when that was
	letters   int               // bytes of those in pend, about
	badStores int               // settlements in a row that failed
	cause     error             // of the last that did
}

// count counts outcomes with the next settlement.
func (g *ledger) count(k string, n int) {
	if g.pend.Counts == nil {
		g.pend.Counts = map[string]int{}
	}
	g.pend.Counts[k] += n
}

// settled settles records, and parts of some, with the next settlement.
func (g *ledger) settled(whole []queue.Range, parts []queue.Part) {
	for _, r := range whole {
		if n := len(g.pend.Settled); n > 0 && g.pend.Settled[n-1].To == r.From {
			g.pend.Settled[n-1].To = r.To
			continue
		}
		g.pend.Settled = append(g.pend.Settled, r)
	}
	g.pend.Parts = append(g.pend.Parts, parts...)
}

// letter makes a dead letter with the next settlement.
func (g *ledger) letter(d queue.DeadLetter) {
	g.pend.Dead = append(g.pend.Dead, d)
	g.letters += letterSize(&d)
	g.count("dead:"+d.Reason, 1)
}

// takes says whether a letter goes into the next settlement: the first does. They are
// settled in pieces, so that a bounded store with some room takes some of them; the rest
// waits for more room.
func (g *ledger) takes(d *queue.DeadLetter) bool {
	return len(g.pend.Dead) == 0 || g.letters+letterSize(d) <= letterPiece
}

const letterPiece = 256 << 10 // bytes of letters in a settlement

// letterSize is about what a dead letter takes, before compression.
func letterSize(d *queue.DeadLetter) int { return len(d.Body) + len(d.Message) + 512 }

// open says whether records are settled that are not stored as that.
func (g *ledger) open() bool { return len(g.pend.Settled)+len(g.pend.Parts) > 0 }

// clean says that everything is stored.
func (g *ledger) clean() bool {
	return g.stuck == nil && !g.dirty && len(g.pend.Settled) == 0 && len(g.pend.Dead) == 0 && len(g.pend.Counts) == 0
}

// store offers the queue what it has not taken, or else what is new, and gives what that
// counted.
func (g *ledger) store() (counts map[string]int, err error) {
	if g.stuck == nil {
		p := g.pend
		p.ID, p.Revision, p.State = rand.Uint64(), g.revision, g.st.encode()
		g.stuck, g.pend, g.letters, g.dirty = &p, queue.Settlement{}, 0, false
	}
	revision, err := g.q.Settle(g.lane, *g.stuck)
	for errors.Is(err, queue.ErrStale) { // what Meta has said is true of the lane as it is now, too
		st, _ := g.q.Lane(g.lane)
		g.stuck.Revision = st.Revision
		revision, err = g.q.Settle(g.lane, *g.stuck)
	}
	if err != nil {
		g.badStores++
		g.cause = err
		return nil, err
	}
	counts = g.stuck.Counts
	g.stuck, g.revision, g.storedAt = nil, revision, time.Now()
	return counts, nil
}

// full says that there was no room for the last letters.
func (g *ledger) full() bool { return errors.Is(g.cause, queue.ErrDeadFull) }

// takeBack takes back the letters that are not stored: their records are looked at
// again. Nothing delivered is in the same settlement.
func (g *ledger) takeBack() {
	if g.stuck != nil && len(g.stuck.Dead) > 0 && g.full() {
		g.stuck, g.dirty = nil, true // it did not happen
	}
	if len(g.pend.Dead) > 0 {
		g.pend, g.letters, g.dirty = queue.Settlement{}, 0, true
	}
}

// forsake forgets what is not stored: another process has the lane.
func (g *ledger) forsake() {
	g.stuck, g.pend, g.letters, g.dirty = nil, queue.Settlement{}, 0, false
}

// unsettled says, of a lane that has ended, that what it delivered is not on record.
func (g *ledger) unsettled() error {
	if g.stuck == nil || g.full() {
		return nil
	}
	return fmt.Errorf("event set %s cannot note on disk what it has delivered; try again when it can: %w", g.lane, g.cause)
}
