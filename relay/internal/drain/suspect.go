package drain

import (
	"time"

	"relay/internal/logs"
	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
)

// After an hour and twenty answers, an outage at Meta is either over or so long that
// smaller requests do no harm.
const (
	suspectTime  = time.Hour
	suspectAfter = 20 // answers
	suspectPart  = 5  // answers, to a part of a request
)

// patience returns how often a request is sent unchanged before it is split. An answer that
// is not from Meta (a firewall's page about the content of one event, an empty 500) stays
// the same. A request that was sent completely and got no answer might contain one event
// that Meta does not answer. A request that was not sent says nothing about its events.
func (l *lane) patience(a *attempt, r graph.Result) (answers int, atLeast time.Duration) {
	single := len(a.open) == 1
	switch {
	case r.Class == graph.Doubt && r.Received > 0: // Meta counted only part of it: an event in it is to blame
		return 1, 0
	case single && (l.search.on || r.Code == 0 || l.work.Items[a.open[0]].Lone()): // isToBlame counts
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

// suspect searches for an event that Meta does not answer, or always answers with a
// temporary error. The number of attempts never ends an event, but one event must not block
// the others. The request is bisected like a refused one; each conversion keeps its bytes. An
// event that fails alone while others succeed becomes a dead letter. If nothing succeeds it
// is an outage, and every event waits.
func (l *lane) suspect(a *attempt, r graph.Result) {
	if r.HTTPStatus == 0 && r.Class != graph.Doubt || l.forgetRunning() {
		return // it did not reach Meta, or the records might be removed
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
			l.log.Warn("a request gets no final answer; sending it in parts", l.answerAttrs(logs.Suspect, r)...)
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

// search is the state of a search for the event that makes requests fail without being
// identified by the answer.
type search struct {
	batch.Trials
	on    bool                            // the current batch is sent in parts
	other int                             // Accepted()+1 when another event was last tried at once
	reach int                             // how many more records the next batch reads
	of    map[batch.Place]batch.Suspicion // suspicions against events that will be read again
}

// isToBlame counts that an event failed alone, and reports whether it is to blame.
func (l *lane) isToBlame(i int) bool {
	l.search.Failed(&l.work.Items[i], time.Now())
	return l.search.Blames(&l.work.Items[i], 2*l.settings().SplitAfter)
}

// clearSuspects counts an accepted request. If an event in it had failed alone before, other
// events that failed alone are put into common requests again.
func (l *lane) clearSuspects(accepted []int) {
	if l.search.Passed(l.work, accepted, time.Now()) {
		l.work.Cut()
		l.search.on = false
	}
}

// tryOthers puts an event that failed alone behind all others of its batch. If they have
// failed alone too, it reads more records. It reports whether to try another event at once:
// one for each accepted request.
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
	case l.hasMore() && len(b.InDoubt()) < meta.MaxEvents: // each event in doubt takes space in the notes
		l.readMore()
		return again
	}
	l.updateIntent()
	return false
}

// unanswered makes a dead letter of an event that never gets a final answer. An error with
// a code of Meta counts as a refusal.
func (l *lane) unanswered(a *attempt, r graph.Result) {
	l.search.Explained(&l.work.Items[a.open[0]])
	if r.Code != 0 {
		l.rejectItem(a.open[0], r.Code, r.Subcode, r.Message, r)
	} else {
		l.deadLetter(a.open[0], mapper.ReasonUnanswered, 0, 0, r.Message, r)
		l.log.Warn("Meta does not answer when an event is sent, but answers for others; the event is a dead letter", l.answerAttrs(logs.Unanswered, r)...)
	}
	l.attempt = nil
	l.updateIntent()
}

// isSetupFault handles the refusal of a single event that the answer does not identify. Meta
// also answers code 100 without a subcode to a request that is signed wrongly, and sometimes
// to a correct one (docs/meta.md 6.7); a proxy that allows no upload answers 413. The event is
// to blame only if it is refused repeatedly while others succeed; then isSetupFault returns
// false.
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
		l.log.Error("uploads to this event set were refused because of the settings; it is paused", l.answerAttrs(logs.ConfigPaused, r)...)
	}
	return true
}

// readMore has the batch read again together with more records.
func (l *lane) readMore() {
	l.updateIntent()
	l.search.reach = min(l.work.OpenCount(), meta.MaxEvents)
	l.reread()
}

// hasMore reports whether the lane has pending records behind the current batch.
func (l *lane) hasMore() bool {
	st, _ := l.s.o.Log.Lane(l.name)
	return st.Pending > int64(l.work.OpenCount())
}
