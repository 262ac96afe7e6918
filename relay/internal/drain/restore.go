package drain

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/queue"
)

// load takes up the lane's durable state.
func (l *lane) load(st queue.LaneStat) {
	d, err := decodeState(st.State)
	if err != nil {
		// The cursor is right all the same: at most a batch is sent twice.
		l.log.Error("the lane's state cannot be read; starting at its cursor", "code", logs.StateUnreadable, "err", err)
	}
	l.st = d
	if d.Breaker {
		l.pause, l.probeAt = BreakerOpen, time.Now().Add(l.settings().ProbeInterval)
	}
	if !d.Next.IsZero() {
		// The clock may have moved since; the wait is never longer than it was.
		now, _ := l.s.clock.now()
		if w := min(d.Next.Sub(now), d.Wait); w > 0 {
			l.notBefore, l.waitFor = time.Now().Add(w), WaitingRetry
			if d.Throttle > 0 {
				l.waitFor = Throttled
			}
		}
	}
}

// restore makes the batch again that the durable state names, and the request
// in doubt with it. false: look again.
func (l *lane) restore(ctx context.Context) bool {
	n := l.st.Note
	found, err := l.s.o.Log.Read(l.name, 0, n.N, 1<<62)
	if err != nil {
		l.storage(ctx, "read", err)
		return false
	}
	same := len(found.Records) == n.N && n.N > 0 && found.Records[0].Seq == n.First && found.Records[n.N-1].Seq == n.Last
	if !same {
		l.mismatch("the records it was made of are not the same any more")
		return false
	}
	if !n.Doubt {
		l.work = l.make(found, l.recipe(), n.Done)
		return true
	}
	m := l.s.mappingBy(n.Mapping)
	if m == nil {
		l.work = l.make(found, l.recipe(), n.Done)
		l.mismatch("the mapping it was made with is not kept any more")
		return true
	}
	b := l.make(found, recipe{m: m, at: n.At, ages: n.Ages, maxN: n.MaxN, maxB: n.MaxB, age: l.settings().MaxAge}, n.Done)
	if n.Hi <= len(b.items) && n.Lo < n.Hi && n.Lo >= 0 {
		if open := b.alive(n.Lo, n.Hi); len(open) > 0 {
			if a := newAttempt(l.name, b, n.Lo, n.Hi, open); a.hash == n.Hash {
				a.noted, a.doubt, a.asked = true, true, true
				b.try(n.Lo, n.Hi)
				l.work, l.cur = b, a
				l.log.Info("a request was in doubt when relay stopped; sending it again, unchanged", "code", logs.DoubtRebuilt, "events", len(open), "request", a.hash)
				return true
			}
		}
	}
	l.work = l.make(found, l.recipe(), n.Done)
	l.mismatch("made again it has other data")
	return true
}

// mismatch says that a request in doubt cannot be sent identically; its events
// are mapped afresh, with the same event_id and event_time.
func (l *lane) mismatch(why string) {
	if l.st.Note.Doubt {
		l.s.o.Metrics.RebuildMismatch(l.name)
		l.log.Warn("a request in doubt cannot be made again as it was; its events are mapped afresh and may arrive twice",
			"code", logs.RebuildMismatch, "why", why, "events", l.st.Note.N)
	}
	l.st.Note, l.dirty = nil, true
}

// reread drops what was read, because the queue's records have changed; what
// of it was delivered is remembered by sequence number.
func (l *lane) reread() {
	l.dropPrefetch()
	if l.work == nil {
		return
	}
	l.flush()
	done := map[queue.Seq]int{}
	for i, r := range l.work.recs {
		for s := range slotsPerRecord {
			if l.work.done.has(i*slotsPerRecord + s) {
				done[r.Seq] |= 1 << s
			}
		}
	}
	l.work, l.cur, l.st.Note, l.dirty = nil, nil, nil, true
	l.carry = done
}

// carried is what of records read anew is decided already.
func (l *lane) carried(recs []queue.Record) (done slots) {
	for i, r := range recs {
		for s := range slotsPerRecord {
			if l.carry[r.Seq]&(1<<s) != 0 {
				done.set(i*slotsPerRecord + s)
			}
		}
	}
	return done
}
