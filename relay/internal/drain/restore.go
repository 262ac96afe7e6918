package drain

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue"
)

// load takes up the lane's durable state.
func (l *lane) load(st queue.LaneStat) {
	d, err := decodeState(st.State)
	if err != nil {
		// What is settled is known all the same: at most a request is sent twice.
		l.log.Error("the lane's state cannot be read; starting with the first event that waits", "code", logs.StateUnreadable, "err", err)
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

// restore makes the conversions again that the durable state has in doubt, and the
// request of them. false: look again.
func (l *lane) restore(ctx context.Context) bool {
	if l.position != 0 { // what was decided is not stored yet
		l.sleep(ctx, 0, nil)
		return false
	}
	n := l.st.Note
	list, err := decodeSent(n.Items)
	if err != nil {
		l.mismatch(err.Error(), 0)
		return false
	}
	found, err := l.s.o.Log.Read(l.name, 0, n.N, 1<<62)
	if err != nil {
		l.storage(ctx, "read", err)
		return false
	}
	last := queue.Seq(0)
	for _, it := range list {
		last = max(last, it.seq)
	}
	if i := slices.IndexFunc(found.Records, func(r queue.Record) bool { return r.Seq > last }); i >= 0 {
		found.Records, found.Next, found.More = found.Records[:i], found.Records[i].Seq, true
	}
	m := l.s.mappingBy(n.Mapping)
	if m == nil {
		l.mismatch("the mapping it was made with is not kept any more", len(list))
		return false
	}
	set := l.settings()
	b := l.make(found, recipe{m: m, at: n.At, ages: n.Ages, maxN: set.MaxEvents, maxB: set.MaxBytes, age: set.MaxAge})
	open, changed := b.find(list)
	if changed > 0 {
		l.mismatch("made again they have other data", changed)
	}
	if len(open) == 0 {
		l.st.Note, l.dirty = nil, true
		return false
	}
	lo, hi := slices.Min(open), slices.Max(open)+1
	a := newAttempt(l.name, b, lo, hi, open)
	a.noted, a.doubt, a.asked = changed == 0, true, true
	b.try(lo, hi)
	l.work, l.cur, l.st.Note = b, a, n
	l.log.Info("events are in doubt; sending them again, unchanged", "code", logs.DoubtRebuilt, "events", len(open), "request", a.hash)
	return true
}

// find gives the items of a note, in its order, that are the same byte for byte, and
// how many are not. One that is not there any more was forgotten.
func (b *batch) find(list []sent) (open []int, changed int) {
	at := make(map[sent]int, len(b.items))
	for i := range b.items {
		it := &b.items[i]
		it.hash = sha256.Sum256(it.out.Conversion)
		at[b.sent(i)] = i
	}
	records := make(map[queue.Seq]bool, len(b.Records))
	for i := range b.Records {
		records[b.Records[i].Seq] = true
	}
	for _, s := range list {
		if i, ok := at[s]; ok && !b.done.has(b.items[i].slot) {
			open = append(open, i)
		} else if records[s.seq] {
			changed++
		}
	}
	return open, changed
}

// mismatch says that conversions in doubt cannot be sent identically; they are
// mapped afresh, with the same event_id and event_time.
func (l *lane) mismatch(why string, events int) {
	l.s.o.Metrics.RebuildMismatch(l.name)
	l.log.Warn("a request in doubt cannot be made again as it was; its events are mapped afresh and may arrive twice",
		"code", logs.RebuildMismatch, "why", why, "events", events)
	l.st.Note, l.dirty = nil, true
}

// reread drops what was read, because the queue's records have changed. What of it is
// decided is settled, and a request in doubt is made again from its note.
func (l *lane) reread() {
	l.dropPrefetch()
	if l.work == nil {
		return
	}
	l.flush()
	l.work, l.cur = nil, nil
}
