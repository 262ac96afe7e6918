package drain

import (
	"cmp"
	"time"

	"relay/internal/logs"
	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
)

// Codes of Meta that relay handles specially.
const (
	codeInvalid   = meta.InvalidParameter
	subcodeOld    = meta.EventTooOld
	subcodeFuture = meta.EventInFuture
)

// refused finds the bad events of a refused request, or narrows the search.
func (l *lane) refused(a *attempt, r graph.Result) {
	b := l.work
	// The cause can also be the settings, or a proxy (suspect.go).
	setup := (r.Code == codeInvalid && r.Subcode == 0 || r.Foreign) && len(r.Bad) == 0
	for _, i := range a.open {
		it := &b.Items[i]
		it.Tries++ // an item in doubt stays in doubt: Meta might have stored an earlier request
		if setup {
			l.search.Suspect(it)
		}
	}
	l.State.Failures, l.State.Throttle = 0, 0
	l.attempt, l.Dirty = nil, true
	switch {
	case a.probe:
		b.Drop()
		if setup {
			l.search.Failed(&b.Items[a.open[0]], time.Now())
		}
		l.probeAt = time.Now().Add(l.settings().ProbeInterval)
		if l.hasMore() {
			l.readMore() // the next probe can be one of those
		}
	case l.agedMeanwhile(a, r):
		l.remap() // regroup
	case len(a.open) == 1 && setup && l.isSetupFault(a, r):
	case len(a.open) == 1:
		code, subcode, words := r.Code, r.Subcode, r.Message
		if len(r.Bad) == 1 {
			code, subcode, words = eventError(r.Bad[0], r)
		}
		l.rejectItem(a.open[0], code, subcode, words, r)
	case l.rejectNamed(a, r):
	default:
		b.Refuse(a.lo, a.hi)
		if r.Code == codeInvalid && r.Subcode == subcodeOld && b.IsOld(a.open[0]) && !a.doubt && b.FirstOld(a.open[0]) {
			b.Try(a.open[0], a.open[0]+1) // the youngest: if it is refused, so are all others
		}
	}
	l.updateIntent()
}

// agedMeanwhile reports whether a request was refused for age because some of its events
// have become a week old since they were grouped.
func (l *lane) agedMeanwhile(a *attempt, r graph.Result) bool {
	if r.Code != codeInvalid || r.Subcode != subcodeOld || l.work.IsOld(a.open[0]) || a.doubt {
		return false // a request in doubt stays as it is until it is bisected
	}
	now, _ := l.s.clock.Now()
	for _, i := range a.open {
		if now.Sub(l.work.Items[i].Out.EventTime) > meta.EventAge {
			return true
		}
	}
	return false
}

// rejectNamed uses the indexes in the answer. Those of the offline format are trusted.
// Those of the other format come from an error text (docs/meta.md 6.2), so the events are
// sent alone first. It is false if no index could be used.
func (l *lane) rejectNamed(a *attempt, r graph.Result) bool {
	b, any := l.work, false
	last := -1
	for _, bad := range r.Bad {
		if bad.Index < 0 || bad.Index >= len(a.open) || l.pause == BreakerOpen {
			continue
		}
		i := a.open[bad.Index]
		if !b.Open(i) {
			continue
		}
		if !any {
			b.Refuse(a.lo, a.hi)
		}
		any = true
		if a.req.API != meta.Offline {
			b.Try(i, i+1)
			continue
		}
		if bad.Index != last+1 {
			l.State.Streak = 0 // an event in between is not blamed
		}
		last = bad.Index
		code, subcode, words := eventError(bad, r)
		l.rejectItem(i, code, subcode, words, r)
	}
	return any
}

// reason returns why an event was refused. Too old and in the future are accepted unless a
// trusted clock contradicts; then it is a refusal like any other and counts for the
// breaker.
func (l *lane) reason(it *batch.Item, code, subcode int, r graph.Result) string {
	now, trusted := l.s.clock.Now()
	ago := now.Sub(it.Out.EventTime)
	switch {
	case code == subcodeOld, code == codeInvalid && subcode == subcodeOld:
		if !trusted || ago > meta.EventAge-clockSlack {
			return mapper.ReasonExpired
		}
	case code == subcodeFuture, code == codeInvalid && subcode == subcodeFuture:
		if !trusted || ago < clockSlack {
			return mapper.ReasonFuture
		}
	}
	if advice.TooLarge(r) {
		return mapper.ReasonTooLarge
	}
	return mapper.ReasonRejected
}

// clockSlack is the tolerated difference between Meta's clock and this machine's.
const clockSlack = 10 * time.Minute

// eventError returns the error that an answer gives for one event, or else for the
// request.
func eventError(bad graph.BadEvent, r graph.Result) (code, subcode int, words string) {
	code, subcode = bad.Code, bad.Subcode
	if code == 0 && subcode == 0 {
		code, subcode = r.Code, r.Subcode
	}
	return code, subcode, cmp.Or(bad.Message, r.Message)
}

// deadLetter makes a dead letter of one conversion.
func (l *lane) deadLetter(i int, reason string, code, subcode int, words string, r graph.Result) {
	l.flushDelivered()
	b := l.work
	it := &b.Items[i]
	d := b.Letter(l.name, it.Slot, it.Out, reason, words)
	d.Code, d.Subcode, d.FBTraceID, d.Attempts = code, subcode, r.FBTraceID, it.Tries
	d.MappingHash = it.How.Mapping.Digest()
	d.DeadAt, _ = l.s.clock.Now()
	if reason == mapper.ReasonUnanswered { // Meta might have stored it: a redrive must send the same bytes
		d.Recipe = d.MappingHash
	}
	if reason == mapper.ReasonFuture {
		d.ReleaseAt = it.Out.EventTime
		if soon := d.DeadAt.Add(time.Minute); d.ReleaseAt.Before(soon) {
			d.ReleaseAt = soon
		}
		l.s.releases.Due(d.ReleaseAt)
	}
	l.Letter(d)
	b.Kill(i)
}

// rejectItem makes a dead letter of one refused conversion, and opens the breaker after
// too many in a row.
func (l *lane) rejectItem(i, code, subcode int, words string, r graph.Result) {
	b := l.work
	it := &b.Items[i]
	reason := l.reason(it, code, subcode, r)
	bury := func(i int, words string) { l.deadLetter(i, reason, code, subcode, words, r) }
	old := b.IsOld(i) && !it.Doubt // conversions in doubt are not sorted by age
	bury(i, words)
	if reason == mapper.ReasonExpired && old {
		// All later items of its group are older still.
		n := 1
		for j := i + 1; j < len(b.Items) && b.Items[j].Group == it.Group; j++ {
			if b.Open(j) {
				bury(j, "older than an event that Meta refused for its age: "+words)
				n++
			}
		}
		l.log.Warn("Meta refused these events for their age; they are dead letters", append(l.answerAttrs(logs.Expired, r), "events", n)...)
		return
	}
	l.log.Warn("an event was refused; it is a dead letter", append(l.answerAttrs(logs.Rejected, r), "reason", reason, "event_code", code, "event_subcode", subcode)...)
	if reason != mapper.ReasonRejected && reason != mapper.ReasonTooLarge {
		return
	}
	l.State.Streak++
	if set := l.settings(); l.State.Streak >= set.BreakerAfter && l.pause != BreakerOpen {
		l.State.Breaker = true
		l.openBreaker(set.ProbeInterval)
		l.recordProblem(r) // the advice has changed
		l.log.Error("everything was refused: the event set is paused and the rest is kept; check the mapping",
			append(l.answerAttrs(logs.BreakerOpen, r), "refused_in_a_row", l.State.Streak)...)
	}
}
