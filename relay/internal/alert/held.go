package alert

import (
	"time"

	"relay/relay/internal/advice"
)

// held is an event set that a condition concerns: what stopped it, and when it
// was last seen so. It is kept as JSON.
type held struct {
	State string    `json:"state"` // of package drain
	At    time.Time `json:"at"`
}

// end is how a condition came to its end.
type end int

const (
	lasts    end = iota // nothing proves that it is over
	answered            // Meta's answers prove it
	gone                // nothing is left that it could concern
)

// hold notes that lanes are stopped now. It reports whether that is news.
func (st *state) hold(lanes []Lane, now time.Time) (changed bool) {
	for _, l := range lanes {
		if st.Lanes == nil {
			st.Lanes = make(map[string]held)
		}
		changed = changed || st.Lanes[l.ID].State != l.State
		st.Lanes[l.ID] = held{l.State, now}
	}
	return changed
}

// ended says whether a condition that is not found any more is over. A state
// that a lane is not in proves nothing: a restart and a probe that met no
// network look the same as a recovery. A count within the last hour is known
// only when a whole hour was watched.
func (w *Watch) ended(code string, st *state, s Snapshot) end {
	if s.Opening {
		return lasts // the queue does not know yet what it has
	}
	watched := map[string]*growth{DeadGrowing: &w.growth, EventsDropped: &w.drops, QueueDamaged: &w.damage, IDsRepeat: &w.conflicts}[code]
	if watched != nil && s.Now.Sub(watched.began) < growthWindow {
		return lasts
	}
	lanes := make(map[string]Lane, len(s.Lanes))
	for _, l := range s.Lanes {
		lanes[l.ID] = l
	}
	how := gone
	for id, h := range st.Lanes {
		l, ok := lanes[id]
		switch {
		case ok && h.disproved(l):
			how = answered
		case ok && l.Pending > 0 && l.State != "retired":
			return lasts
		}
	}
	return how
}

// disproved reports whether an answer since then proves that what stopped a lane
// stops it no longer: a delivery, or an error of Meta's of another kind.
func (h held) disproved(l Lane) bool {
	if l.Delivered.After(h.At) {
		return true
	}
	switch h.State {
	case "storage", "dead_letters_full", "breaker": // no error says anything of these
		return false
	}
	return l.MetaError != "" && l.ErrorAt.After(h.At) && !advice.Explains(h.State, l.MetaError)
}
