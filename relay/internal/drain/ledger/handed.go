package ledger

import (
	"slices"
	"time"

	"relay/queue"
)

// Handed means that every record before To had been forwarded, or had become a dead letter,
// by the time At.
type Handed struct {
	To queue.Seq `json:"to"`
	At time.Time `json:"at"`
}

// HandedSteps is how finely a retention time is divided: copies are deleted at most this part
// of it late. The state has up to twice as many Handed.
const HandedSteps = 100

// NoteHanded records that everything before to has been forwarded by now. It returns the
// number before which everything was forwarded at least keep ago; 0: nothing was. The caller
// trusts now.
func (g *Ledger) NoteHanded(to queue.Seq, now time.Time, keep time.Duration) (end queue.Seq) {
	all := g.State.Handed
	// A time in the future comes from a clock that was ahead: count from now.
	for i := range all {
		if all[i].At.After(now) {
			all[i].At, g.Dirty = now, true
		}
	}
	if n := len(all); to > 0 && (n == 0 || to > all[n-1].To && now.Sub(all[n-1].At) >= keep/HandedSteps) {
		all, g.Dirty = append(all, Handed{To: to, At: now}), true
	}
	gone := 0
	for gone < len(all) && now.Sub(all[gone].At) >= keep {
		end, gone = all[gone].To, gone+1
	}
	if gone > 0 {
		g.Dirty = true
	}
	g.State.Handed = slices.Delete(all, 0, gone)
	if extra := len(g.State.Handed) - 2*HandedSteps; extra > 0 { // keep was increased
		g.State.Handed = slices.Delete(g.State.Handed, 0, extra)
	}
	return end
}
