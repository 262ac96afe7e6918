package drain

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/pace"
)

// readState is where a lane is in its records. Invariant: position is 0 whenever every
// decision is stored and nothing was skipped, so that records which become pending again
// are read again.
type readState struct {
	position queue.Seq // where the next batch begins; 0: with the first pending record
	unstored bool      // decisions must be stored before anything is read
	unloaded bool      // nothing is read until a request can be sent
	skipped  bool      // batches that the mapping holds are skipped (held.go)
	heldBack int       // conversions in a row that the mapping held
	gather   time.Time // when waiting for a fuller batch began
	badRead  int       // reads in a row that failed

	pre           chan *batch.Batch // the next batch, while it is prefetched
	preFrom, last queue.Seq         // where pre begins; where the last finished batch ended
	preVoid       uint64            // queue.LaneStat.Invalidations when pre was begun
}

// gatherFor returns how much longer the lane waits for a fuller batch.
func (p *readState) gatherFor(most time.Duration) time.Duration {
	if p.gather.IsZero() {
		p.gather = time.Now()
	}
	return most - time.Since(p.gather)
}

// fetch sets l.work to the next batch, and waits for one. If it returns false, the caller
// starts over, since anything can have changed.
func (l *lane) fetch(ctx context.Context) bool {
	if l.unstored {
		if !l.flush() {
			l.sleep(ctx, 0, nil)
			return false
		}
		l.unstored, l.position = false, 0
	}
	if !l.ensureTime(ctx) {
		return false
	}
	set := l.settings()
	if len(l.State.Notes) > 0 {
		if l.position != 0 { // there are decisions that are not stored yet
			l.unstored = true
			return false
		}
		return l.restore(ctx)
	}
	if b := l.takePrefetch(ctx); b != nil {
		l.work = b
		return true
	}
	changed := l.s.o.Log.Changed()
	if l.search.reach > 0 {
		set.MaxEvents, set.MaxBytes = set.MaxEvents+l.search.reach, 1<<62
	}
	found, ok := l.read(ctx, l.position, set.MaxEvents, set.MaxBytes)
	if !ok {
		return false
	}
	if len(found.Records) == 0 && l.skipped {
		l.show(BreakerOpen, time.Time{})
		l.sleep(ctx, -1, changed)
		return false
	}
	if len(found.Records) == 0 && l.position != 0 {
		// The position might be behind the end of the log: start from the first again.
		l.sleep(ctx, 0, nil)
		return false
	}
	if len(found.Records) == 0 {
		l.gather = time.Time{}
		l.show(Idle, time.Time{})
		if !l.sleep(ctx, -1, changed) {
			l.sleep(ctx, min(set.MaxWait, 20*time.Millisecond), nil) // one wake for many appends
		}
		return false
	}
	if !full(found, set) && set.MaxWait > 0 {
		if wait := l.gatherFor(set.MaxWait); wait > 0 {
			l.sleep(ctx, min(wait, 100*time.Millisecond), nil)
			if st, ok := l.s.o.Log.Lane(l.name); !ok || st.Pending < int64(set.MaxEvents) && l.gatherFor(set.MaxWait) > 0 {
				return false
			}
			if found, ok = l.read(ctx, l.position, set.MaxEvents, set.MaxBytes); !ok || len(found.Records) == 0 {
				return false
			}
		}
	}
	l.gather = time.Time{}
	l.work = l.make(found, l.recipe(), l.limits(), nil)
	l.work.Recall(l.search.of)
	l.search.of = nil
	return true
}

// read reads at most so many events and bytes of the lane's records from a position on. On
// error it waits and returns false; the caller starts over.
func (l *lane) read(ctx context.Context, from queue.Seq, events int, bytes int64) (queue.Batch, bool) {
	found, err := l.s.o.Log.Read(l.name, from, events, bytes)
	if err != nil {
		l.readFailed(ctx, "read", err)
		return queue.Batch{}, false
	}
	l.badRead = 0
	return found, true
}

// readOrWait is read, but if there are no records it shows idle, waits for an append, and
// returns false too.
func (l *lane) readOrWait(ctx context.Context, from queue.Seq, events int, bytes int64, idle State) (queue.Batch, bool) {
	changed := l.s.o.Log.Changed() // before reading, so that no append is missed
	found, ok := l.read(ctx, from, events, bytes)
	if ok && len(found.Records) == 0 {
		l.show(idle, time.Time{})
		l.sleep(ctx, -1, changed)
		return found, false
	}
	return found, ok
}

// readFailed logs a failed read of the queue and waits before the next one.
func (l *lane) readFailed(ctx context.Context, what string, err error) {
	l.badRead++
	if l.shouldLog(l.badRead) {
		l.log.Error("the queue does not answer", "code", logs.QueueFailed, "while", what, "err", err)
	}
	d := pace.Backoff(l.badRead, time.Second, 30*time.Second, 1)
	l.show(Storage, time.Now().Add(d))
	l.wait(ctx, d, nil)
}

// ensureTime asks Meta or the hub for the time before the first event is mapped or forwarded
// with a clock that is not trusted, so that every event is dated and the rules about age apply
// to it. It returns false if there is no answer: then nothing could be sent either.
func (l *lane) ensureTime(ctx context.Context) bool {
	if l.s.o.Ask == nil || !l.s.clock.Asking() {
		return true
	}
	if st, ok := l.s.o.Log.Lane(l.name); !ok || st.Pending == 0 {
		return true
	}
	if time.Now().Before(l.notBefore) {
		l.show(l.waitFor, l.notBefore)
		l.sleep(ctx, wallWait(l.notBefore), nil)
		return false
	}
	r := l.s.o.Ask(ctx)
	l.s.observe(r)
	switch {
	case ctx.Err() != nil:
		return false
	case l.s.forwards(l.name):
		return l.hubHasTime(r)
	case r.HTTPStatus != 0:
		return true // without a time in the answer, a single event is sent first
	}
	l.recordProblem(r)
	l.steady = 0
	l.State.Failures++
	l.waitUntil(l.backoff(l.State.Failures), WaitingRetry)
	return false
}

func full(b queue.Batch, set Settings) bool { return b.More || len(b.Records) >= set.MaxEvents }

// prefetch reads and maps the next batch while the current request is in flight. Nothing
// of it is settled or sent before its turn.
func (l *lane) prefetch() {
	b := l.work
	if l.pre != nil || !b.More || b.Requests() > 1 {
		return
	}
	set := l.settings()
	ch := make(chan *batch.Batch, 1)
	st, _ := l.s.o.Log.Lane(l.name)
	l.pre, l.preFrom, l.preVoid = ch, b.Next, st.Invalidations
	from, how, most := b.Next, l.recipe(), l.limits()
	l.s.background.Go(func() {
		defer close(ch)
		found, err := l.s.o.Log.Read(l.name, from, set.MaxEvents, set.MaxBytes)
		if err != nil || len(found.Records) == 0 || !full(found, set) {
			return // fetch reads it again
		}
		ch <- l.make(found, how, most, nil)
	})
}

// takePrefetch returns the prefetched batch if there is one and it is still valid.
func (l *lane) takePrefetch(ctx context.Context) *batch.Batch {
	if l.pre == nil {
		return nil
	}
	var b *batch.Batch
	select {
	case b = <-l.pre:
	case <-ctx.Done():
		return nil
	}
	l.pre = nil
	if st, _ := l.s.o.Log.Lane(l.name); b == nil || l.preFrom != l.last || st.Invalidations != l.preVoid ||
		b.How.Mapping.Digest() != l.s.o.Mapping().Digest() || time.Since(b.How.Made) > maxStale {
		return nil
	} // refresh checks the rest
	return b
}

// dropPrefetch discards the prefetched batch. The goroutine ends by itself, and the
// supervisor waits for it.
func (p *readState) dropPrefetch() { p.pre = nil }

// reread discards the current batch because the queue's records have changed or more are
// pending. Its decisions are stored first; conversions in doubt are made again from the
// notes.
func (l *lane) reread() {
	l.dropPrefetch()
	if l.work != nil {
		l.recordDecisions()
		l.search.of = l.work.Suspects()
	}
	l.work, l.attempt, l.search.on, l.unstored = nil, nil, false, true
}

// unload releases the memory of a batch that waits for the network or the token: a shop
// can have a hundred event sets, and each batch takes megabytes. Conversions in doubt are
// made again from the notes.
func (l *lane) unload(until time.Time) {
	const worth = 2 * time.Second
	if l.idle && !l.search.on && (until.IsZero() || time.Until(until) > worth) {
		l.reread()
		l.unloaded = true
	}
}
