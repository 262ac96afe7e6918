package drain

import (
	"time"

	"relay/internal/logs"
	"relay/relay/internal/graph"
)

// By an hour and twenty answers an outage is either over or so long that
// smaller requests cost nothing.
const (
	suspectTime  = time.Hour
	suspectAfter = 20 // answers
	suspectPart  = 5  // answers, of a part
)

// suspect looks for an event that Meta answers, for ever, with an error that
// should pass: nothing is given up by count, but one event must not hold back
// the others. After an hour of such answers the request is halved as a refused
// one is. An event that fails alone while others of its batch get through is a
// dead letter. When nothing gets through it is an outage: the batch is put
// together again and waits.
func (l *lane) suspect(a *attempt, r graph.Result) {
	if r.Class != graph.Retry || r.Code == 0 {
		return
	}
	if a.told++; a.told == 1 {
		a.since = time.Now()
	}
	if !l.halving && (a.told < suspectAfter || time.Since(a.since) < suspectTime) || a.told < suspectPart {
		return
	}
	b := l.work
	switch {
	case len(a.open) > 1:
		if !l.halving {
			l.log.Warn("Meta keeps answering with an error that should pass; trying the request in parts", l.answer(logs.Suspect, r)...)
		}
		l.halving = true
		b.refuse(a.lo, a.hi)
	case b.accepted > 0:
		l.bad(a.open[0], r.Code, r.Subcode, r.Message, r)
	case !b.rotated && b.others(a.open[0]):
		l.halving, b.rotated = true, true
		b.refuse(a.lo, a.hi)
		b.rotate() // will the others get through?
	case b.rotated:
		l.halving = false
		l.remap()
	case l.waiting() > int64(len(b.Records)):
		l.halving = true
		l.remember()
		l.reread() // with those behind it
		return
	default:
		return // it is all there is
	}
	a.doubt, l.cur = false, nil
	l.remember()
}

// others says whether an item is open beside this one.
func (b *batch) others(i int) bool {
	for j := range b.items {
		if j != i && !b.done.has(b.items[j].slot) {
			return true
		}
	}
	return false
}

// waiting is how many records the lane has, those at hand included.
func (l *lane) waiting() int64 {
	st, _ := l.s.o.Log.Lane(l.name)
	return st.Pending
}

// rotate puts the span on top below all others.
func (b *batch) rotate() {
	n := len(b.stack) - 1
	top := b.stack[n]
	copy(b.stack[1:], b.stack[:n])
	b.stack[0] = top
}
