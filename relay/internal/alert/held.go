package alert

import (
	"time"

	"relay/relay/internal/advice"
)

// held is a stopped event set that a condition concerns. It is stored as JSON.
type held struct {
	State string    `json:"state"` // of package drain
	At    time.Time `json:"at"`    // when it was last seen in this state
}

// end is why a condition ended.
type end int

const (
	lasts    end = iota // not proven to be over
	answered            // Meta's answers prove that it is over
	gone                // no event set is left that it could concern
)

// hold records that lanes are stopped now. It reports whether the record changed.
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

// ended returns whether and why a condition that was not found again is over. That a
// lane has left a state proves nothing: a restart, or a probe without network, looks like
// a recovery. The growth of a counter is known only after a full window.
func (w *Watch) ended(code string, st *state, s Snapshot) end {
	if s.Opening {
		return lasts // the numbers are not complete
	}
	watched := map[string]*growth{DeadGrowing: &w.growth, EventsDropped: &w.drops, QueueDamaged: &w.damage, IDsRepeat: &w.conflicts}[code]
	if watched != nil && s.Now.Sub(watched.began) < growthWindow {
		return lasts
	}
	lanes := make(map[string]Lane, len(s.Lanes))
	for _, l := range s.Lanes {
		lanes[l.ID] = l
	}
	reason := gone
	for id, h := range st.Lanes {
		l, ok := lanes[id]
		switch {
		case ok && h.disproved(l):
			reason = answered
		case ok && l.Pending > 0 && l.State != "retired":
			return lasts
		}
	}
	return reason
}

// disproved reports whether an answer since h.At proves that the reason that stopped the
// lane is gone: a delivery, or a different error from Meta.
func (h held) disproved(l Lane) bool {
	if l.Delivered.After(h.At) {
		return true
	}
	switch h.State {
	case "storage", "dead_letters_full", "breaker": // other errors prove nothing about these
		return false
	}
	return l.MetaError != "" && l.ErrorAt.After(h.At) && !advice.Explains(h.State, l.MetaError)
}
