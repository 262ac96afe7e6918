package drain

import (
	"slices"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/graph"
)

// By an hour and twenty answers an outage of Meta's own is either over or so long
// that smaller requests cost nothing.
const (
	suspectTime  = time.Hour
	suspectAfter = 20 // answers
	suspectPart  = 5  // answers, of a part
)

// patience is how often a request is sent as it is before it is taken apart. Answers
// that are not Meta's (a firewall's page for what one event holds, an empty 500) do
// not pass by themselves, and what has left whole without an answer may hold one event
// that draws none; a request that never left says nothing about its events.
func (l *lane) patience(a *attempt, r graph.Result) (answers int, atLeast time.Duration) {
	switch {
	case r.Class == graph.Doubt && r.Received > 0: // not all of it counted: one of it is to blame
		return 1, 0
	case r.Class == graph.TooMuch, r.Code == 0 && (l.halving || len(a.open) == 1):
		return 1, 0
	case r.Code == 0:
		return l.settings().SplitAfter, 0
	case l.halving:
		return suspectPart, 0
	}
	return suspectAfter, suspectTime
}

// suspect looks for an event for which Meta gives no answer, or for ever an error that
// should pass: nothing is given up by count, but one event must not hold back the
// others. The request is halved as a refused one is; each conversion keeps its bytes.
// One that fails alone while others have been accepted since is a dead letter. When
// nothing gets through it is an outage: the batch is put together again and waits.
func (l *lane) suspect(a *attempt, r graph.Result) {
	if r.HTTPStatus == 0 && r.Class != graph.Doubt || l.forgetting() {
		return // it did not get there, or may be gone
	}
	b := l.work
	for _, i := range a.open {
		if it := &b.items[i]; it.later == 0 {
			it.later = l.accepts + 1
		}
	}
	if a.told++; a.told == 1 {
		a.since = time.Now()
	}
	if answers, atLeast := l.patience(a, r); a.told < answers || time.Since(a.since) < atLeast {
		return
	}
	if len(a.open) > 1 {
		if !l.halving {
			l.log.Warn("a request gets no answer that ends it; trying it in parts", l.answer(logs.Suspect, r)...)
		}
		l.halving = true
		b.refuse(a.lo, a.hi)
		l.cur = nil
		l.remember()
		return
	}
	if l.toBlame(a.open[0], r.Code != 0) {
		l.unanswered(a, r)
		return
	}
	l.tryOthers(a)
}

// blameWithin is how long an acceptance says that the line is well.
const blameWithin = 10 * time.Minute

// toBlame says whether an event that fails alone is the reason: time and again it
// fails while others get through in between. Where none is left to try, those before
// it count for a while. A failure without any is one of an outage, which has gaps, and
// takes back what was held against the event.
func (l *lane) toBlame(i int, certain bool) bool {
	it := &l.work.items[i]
	fresh := l.accepts > it.seen
	it.seen, it.lone = l.accepts, true
	last := !l.work.untried() && !l.more() && time.Since(l.accepted) < blameWithin
	if !l.othersPass(i) || !fresh && !last {
		it.alone = 0
		return false
	}
	it.alone++
	return it.alone >= 2*l.settings().SplitAfter || certain && it.alone >= 2
}

// place is where a conversion is, whatever batch it is in.
type place struct {
	seq  queue.Seq
	slot int
}

// suspects are the suspicions of what is open, by slot.
func (b *batch) suspects() map[place]suspicion {
	of := make(map[place]suspicion)
	for i := range b.items {
		if it := &b.items[i]; it.later > 0 && !b.done.has(it.slot) {
			of[place{b.Records[it.rec].Seq, it.slot % slotsPerRecord}] = it.suspicion
		}
	}
	return of
}

// recall takes up what was held against events before they were read again.
func (b *batch) recall(of map[place]suspicion) {
	for i := range b.items {
		it := &b.items[i]
		if s, ok := of[place{b.Records[it.rec].Seq, it.slot % slotsPerRecord}]; ok {
			it.suspicion = s
		}
	}
}

// untried says whether something is open that has not failed alone.
func (b *batch) untried() bool {
	return slices.ContainsFunc(b.items, func(it item) bool { return !it.lone && !b.done.has(it.slot) })
}

// othersPass says whether Meta has accepted others since an event was first in a
// request that failed.
func (l *lane) othersPass(i int) bool {
	return l.work.items[i].later > 0 && l.accepts >= l.work.items[i].later
}

// tryOthers puts an event behind all others of its batch, or has those read that wait
// behind it: will they get through? If none did since that was done last, everything is
// put together again, but for one at random: where several are to blame they must not
// hide the others. It says whether there is another to try at once.
func (l *lane) tryOthers(a *attempt) bool {
	b := l.work
	switch {
	case b.others(a.open[0]) && b.rotated != l.accepts+1:
		l.halving, b.rotated = true, l.accepts+1
		b.refuse(a.lo, a.hi)
		b.rotate()
	case b.others(a.open[0]) && (b.anew() || !l.more()):
		l.halving = false
		b.cut()
		i := l.random()
		b.try(i, i+1)
		l.cur = nil
		l.remember()
		return false
	case l.more():
		l.readBehind()
		return true
	default:
		return false // it is all there is
	}
	l.cur = nil
	l.remember()
	return true
}

// unanswered makes a dead letter of an event that draws no answer by which it could be
// settled. With Meta's code that is a refusal.
func (l *lane) unanswered(a *attempt, r graph.Result) {
	if r.Code != 0 {
		l.bad(a.open[0], r.Code, r.Subcode, r.Message, r)
	} else {
		l.bury(a.open[0], mapper.ReasonUnanswered, 0, 0, r.Message, r)
		l.log.Warn("an event draws no answer of Meta's, though others do; it is a dead letter", l.answer(logs.Unanswered, r)...)
	}
	l.cur = nil
	l.remember()
}

// setUpFault deals with the refusal of a single event that names none: code 100
// without subcode is also what Meta answers to a request that is signed wrongly, now
// and then to one that is not (facts: meta-wire 6.7). Unless others get through and it
// is refused time and again, no event is to blame. false: this one is.
func (l *lane) setUpFault(a *attempt, r graph.Result) bool {
	if l.toBlame(a.open[0], false) {
		return false
	}
	set, tries, passed := l.settings(), l.work.items[a.open[0]].tries, l.othersPass(a.open[0])
	if l.tryOthers(a) || passed {
		l.waitUntil(pace.Backoff(tries, set.MinInterval, set.MaxInterval, l.s.o.Rand()), WaitingRetry)
		return true
	}
	news := l.stop(PausedConfig)
	if l.alone = true; news {
		l.log.Error("uploads to this event set are refused as they are set up; it is paused", l.answer(logs.ConfigPaused, r)...)
	}
	return true
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

// anew says whether something is open that was never sent.
func (b *batch) anew() bool {
	return slices.ContainsFunc(b.items, func(it item) bool { return !it.doubt && !b.done.has(it.slot) })
}

// readBehind has the batch read again, with those that wait behind it.
func (l *lane) readBehind() {
	l.remember()
	l.reach = min(l.work.openCount(), l.settings().MaxEvents)
	l.reread()
}

// more says whether the lane has records that wait behind those at hand.
func (l *lane) more() bool {
	st, _ := l.s.o.Log.Lane(l.name)
	return st.Pending > int64(l.work.openCount())
}

// openCount is how many records of the batch are not decided.
func (b *batch) openCount() (n int) {
	for _, open := range b.openRecords() {
		if open {
			n++
		}
	}
	return n
}

// rotate puts the span on top below all others.
func (b *batch) rotate() {
	n := len(b.stack) - 1
	top := b.stack[n]
	copy(b.stack[1:], b.stack[:n])
	b.stack[0] = top
}
