package drain

import (
	"math"
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
	single := len(a.open) == 1
	switch {
	case r.Class == graph.Doubt && r.Received > 0: // not all of it counted: one of it is to blame
		return 1, 0
	case single && (l.search.on || r.Code == 0 || l.work.items[a.open[0]].lone): // toBlame counts
		return 1, 0
	case r.Class == graph.TooMuch, r.Code == 0 && l.search.on:
		return 1, 0
	case r.Code == 0:
		return l.settings().SplitAfter, 0
	case l.search.on:
		return suspectPart, 0
	}
	return suspectAfter, suspectTime
}

// suspect looks for an event for which Meta gives no answer, or for ever an error that
// should pass: nothing is given up by count, but one event must not hold back the
// others. The request is halved as a refused one is; each conversion keeps its bytes.
// One that fails alone while others get through is a dead letter. When nothing gets
// through it is an outage, and all of it waits.
func (l *lane) suspect(a *attempt, r graph.Result) {
	if r.HTTPStatus == 0 && r.Class != graph.Doubt || l.forgetting() {
		return // it did not get there, or may be gone
	}
	b := l.work
	for _, i := range a.open {
		l.begin(i)
	}
	if a.told++; a.told == 1 {
		a.since = time.Now()
	}
	if answers, atLeast := l.patience(a, r); a.told < answers || time.Since(a.since) < atLeast {
		return
	}
	if len(a.open) > 1 {
		if !l.search.on {
			l.log.Warn("a request gets no answer that ends it; trying it in parts", l.answer(logs.Suspect, r)...)
		}
		l.search.on = true
		b.refuse(a.lo, a.hi)
		l.cur = nil
		l.remember()
		return
	}
	if l.toBlame(a.open[0]) {
		l.unanswered(a, r)
		return
	}
	l.tryOthers(a)
}

// search is what a lane knows of the events that may be to blame for requests that
// fail without naming one, beside the suspicions of its batch.
type search struct {
	on       bool                // the batch at hand is tried in parts
	accepts  int                 // requests that Meta accepted
	accepted time.Time           // the last of them
	failed   int                 // requests that failed with a single event which was accepted later, or may yet be
	row      int                 // of them since the last acceptance, all
	other    int                 // the acceptances, and one, when another event was tried at once
	reach    int                 // how many records more the next batch has, beside those that suspects hold
	of       map[place]suspicion // of events that are to be read again
}

// suspicion is what speaks against an event.
type suspicion struct {
	later  int  // an acceptance with this number, or a later one, shows that others get through; 0: it was in no failed request
	before int  // search.failed by then
	fails  int  // times that it failed alone
	alone  int  // of them while the connection was known to work
	own    int  // of search.failed, those
	lone   bool // it failed alone, and none that failed like it was accepted since
}

// begin notes that an event was in a request that failed.
func (l *lane) begin(i int) {
	if s := &l.work.items[i].suspicion; s.later == 0 {
		s.later, s.before = l.search.accepts+1, l.search.failed
	}
}

const (
	// blameWithin is how long an acceptance says that the connection works.
	blameWithin = 10 * time.Minute
	// Of the failures in a row so many count, for some may be those of others that are to
	// blame; and of each event that is accepted in the end, so many.
	undecided, innocent = 5, 30
	// innocence is how improbable the failures of an event must be, were it not to blame.
	innocence = 1e-4
)

// failedAlone counts the failure of a request with a single event. One without an
// acceptance for long speaks against the connection, not against the event: an outage
// has gaps.
func (l *lane) failedAlone(i int) {
	it, s := &l.work.items[i], &l.search
	it.lone = true
	it.fails++
	s.row++
	counts := s.row <= undecided
	if counts {
		s.failed++
	}
	if time.Since(s.accepted) < blameWithin {
		it.alone++
		if counts {
			it.own++
		}
	}
}

// toBlame says whether an event that fails alone is the reason. Were it not, it would
// fail as often as the others do: of their requests since it was first suspected, some
// were accepted and some failed.
func (l *lane) toBlame(i int) bool {
	l.failedAlone(i)
	it, s := &l.work.items[i], &l.search
	if !l.othersPass(i) || it.alone < 2*l.settings().SplitAfter {
		return false
	}
	return inARow(it.alone, s.accepts-it.later+1, max(s.failed-it.before-it.own, 0)) < innocence
}

// inARow is the chance that n requests fail in a row on a connection on which so many
// others passed and failed: Laplace's rule of succession, begun with three that passed.
func inARow(n, passed, failed int) float64 {
	a, b := float64(failed+1), float64(passed+3)
	log := 0.0
	for _, x := range []float64{a + float64(n), a + b} {
		g, _ := math.Lgamma(x)
		log += g
	}
	for _, x := range []float64{a, a + b + float64(n)} {
		g, _ := math.Lgamma(x)
		log -= g
	}
	return math.Exp(log)
}

// acquit takes note of an acceptance. Should one of the accepted have failed alone
// before, others that did may be no more to blame: they travel together again.
func (l *lane) acquit(accepted []int) {
	b, s := l.work, &l.search
	s.accepts, s.accepted, s.row = s.accepts+1, time.Now(), 0
	most := 0
	for _, i := range accepted {
		if it := &b.items[i]; it.lone {
			most = max(most, it.fails)
			s.failed += min(it.fails, innocent)
		}
	}
	if most == 0 {
		return
	}
	for i := range b.items {
		if it := &b.items[i]; it.fails <= most {
			it.lone = false
		}
	}
	b.cut()
	s.on = false
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
	if len(of) == 0 {
		return
	}
	for i := range b.items {
		it := &b.items[i]
		if s, ok := of[place{b.Records[it.rec].Seq, it.slot % slotsPerRecord}]; ok {
			it.suspicion = s
		}
	}
	b.cut()
}

// untried says whether something is open that has not failed alone.
func (b *batch) untried() bool {
	return slices.ContainsFunc(b.items, func(it item) bool { return !it.lone && !b.done.has(it.slot) })
}

// othersPass says whether Meta has accepted others since an event was first in a
// request that failed.
func (l *lane) othersPass(i int) bool {
	return l.work.items[i].later > 0 && l.search.accepts >= l.work.items[i].later
}

// tryOthers puts an event that failed alone behind all others of its batch; when they
// have failed alone too, it has those read that wait behind. It says whether to try
// another at once: one for each acceptance.
func (l *lane) tryOthers(a *attempt) bool {
	b, s := l.work, &l.search
	again := s.other != s.accepts+1
	s.on, s.other = true, s.accepts+1
	b.refuse(a.lo, a.hi)
	b.rotate()
	l.cur = nil
	switch {
	case b.untried():
		l.remember()
		return again
	case l.more() && len(b.inDoubt()) < maxConversions: // each that is in doubt has its note
		l.readBehind()
		return again
	}
	l.remember()
	return false
}

// unanswered makes a dead letter of an event that draws no answer by which it could be
// settled. With Meta's code that is a refusal.
func (l *lane) unanswered(a *attempt, r graph.Result) {
	l.search.failed = max(l.search.failed-l.work.items[a.open[0]].own, 0) // they are explained
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
// and then to one that is not (facts: meta-wire 6.7), and a proxy that takes no upload
// at all answers 413. Unless others get through and it
// is refused time and again, no event is to blame. false: this one is.
func (l *lane) setUpFault(a *attempt, r graph.Result) bool {
	if l.toBlame(a.open[0]) {
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

// readBehind has the batch read again, with those that wait behind it.
func (l *lane) readBehind() {
	l.remember()
	l.search.reach = min(l.work.openCount(), maxConversions)
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
