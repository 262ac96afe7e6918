package drain

import (
	"time"

	"relay/internal/logs"
	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/drain/batch"
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
	case single && (l.search.on || r.Code == 0 || l.work.Items[a.open[0]].Lone()): // toBlame counts
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
	if r.HTTPStatus == 0 && r.Class != graph.Doubt || l.forgetRunning() {
		return // it did not get there, or may be gone
	}
	b := l.work
	for _, i := range a.open {
		l.search.Suspect(&b.Items[i])
	}
	if a.answers++; a.answers == 1 {
		a.since = time.Now()
	}
	if answers, atLeast := l.patience(a, r); a.answers < answers || time.Since(a.since) < atLeast {
		return
	}
	if len(a.open) > 1 {
		if !l.search.on {
			l.log.Warn("a request gets no answer that ends it; trying it in parts", l.answerAttrs(logs.Suspect, r)...)
		}
		l.search.on = true
		b.Refuse(a.lo, a.hi)
		l.attempt = nil
		l.updateIntent()
		return
	}
	if l.isToBlame(a.open[0]) {
		l.unanswered(a, r)
		return
	}
	l.tryOthers(a)
}

// search is where a lane is with events that may be to blame for requests that fail
// without naming one.
type search struct {
	batch.Trials
	on    bool                            // the batch at hand is tried in parts
	other int                             // the acceptances, and one, when another event was tried at once
	reach int                             // how many records more the next batch has, beside those that suspects hold
	of    map[batch.Place]batch.Suspicion // of events that are to be read again
}

// toBlame counts that an event failed alone, and says whether it is the reason.
func (l *lane) isToBlame(i int) bool {
	l.search.Failed(&l.work.Items[i], time.Now())
	return l.search.Blames(&l.work.Items[i], 2*l.settings().SplitAfter)
}

// acquit takes note of an acceptance. Should one of the accepted have failed alone
// before, others that did travel together again.
func (l *lane) clearSuspects(accepted []int) {
	if l.search.Passed(l.work, accepted, time.Now()) {
		l.work.Cut()
		l.search.on = false
	}
}

// tryOthers puts an event that failed alone behind all others of its batch; when they
// have failed alone too, it has those read that wait behind. It says whether to try
// another at once: one for each acceptance.
func (l *lane) tryOthers(a *attempt) bool {
	b, s := l.work, &l.search
	again := s.other != s.Accepted()+1
	s.on, s.other = true, s.Accepted()+1
	b.Refuse(a.lo, a.hi)
	b.Rotate()
	l.attempt = nil
	switch {
	case b.Untried():
		l.updateIntent()
		return again
	case l.hasMore() && len(b.InDoubt()) < meta.MaxEvents: // each that is in doubt has its note
		l.readMore()
		return again
	}
	l.updateIntent()
	return false
}

// unanswered makes a dead letter of an event that draws no answer by which it could be
// settled. With Meta's code that is a refusal.
func (l *lane) unanswered(a *attempt, r graph.Result) {
	l.search.Explained(&l.work.Items[a.open[0]])
	if r.Code != 0 {
		l.rejectItem(a.open[0], r.Code, r.Subcode, r.Message, r)
	} else {
		l.deadLetter(a.open[0], mapper.ReasonUnanswered, 0, 0, r.Message, r)
		l.log.Warn("an event draws no answer of Meta's, though others do; it is a dead letter", l.answerAttrs(logs.Unanswered, r)...)
	}
	l.attempt = nil
	l.updateIntent()
}

// setUpFault deals with the refusal of a single event that names none: code 100
// without subcode is also what Meta answers to a request that is signed wrongly, now
// and then to one that is not (docs/meta.md 6.7), and a proxy that takes no upload
// at all answers 413. Unless others get through and it
// is refused time and again, no event is to blame. false: this one is.
func (l *lane) isSetupFault(a *attempt, r graph.Result) bool {
	if l.isToBlame(a.open[0]) {
		return false
	}
	tries, passed := l.work.Items[a.open[0]].Tries, l.search.OthersPass(&l.work.Items[a.open[0]])
	if l.tryOthers(a) || passed {
		l.waitUntil(l.backoff(tries), WaitingRetry)
		return true
	}
	news := l.pauseFor(PausedConfig, l.settings().ProbeInterval)
	if l.alone = true; news {
		l.log.Error("uploads to this event set are refused as they are set up; it is paused", l.answerAttrs(logs.ConfigPaused, r)...)
	}
	return true
}

// readBehind has the batch read again, with those that wait behind it.
func (l *lane) readMore() {
	l.updateIntent()
	l.search.reach = min(l.work.OpenCount(), meta.MaxEvents)
	l.reread()
}

// more says whether the lane has records that wait behind those at hand.
func (l *lane) hasMore() bool {
	st, _ := l.s.o.Log.Lane(l.name)
	return st.Pending > int64(l.work.OpenCount())
}
