package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// errReused says that a stream has lost messages: the next ones have their numbers.
var errReused = errors.New("a stream begins its numbers again")

// follow reads what other processes append, and copies that come late.
func (l *Log) follow() {
	hints, err := l.servers.conns[0].Subscribe(l.o.Name+".hint", func(*nats.Msg) { poke(l.wake) })
	if err == nil {
		defer hints.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-every.C:
			l.within(10*time.Second, "the rows cannot be followed", func(ctx context.Context) error {
				if err := l.look(ctx); err != nil {
					return err
				}
				return l.readRows(ctx, l.view)
			})
		case <-l.suspect:
			l.within(10*time.Second, "the streams cannot be looked at", l.look)
		case <-l.wake:
		}
		for i := range streams {
			l.within(5*time.Second, "a stream cannot be followed", func(ctx context.Context) error { return l.followStream(ctx, i) })
		}
	}
}

// within calls fn, whose error is of the kind that passes.
func (l *Log) within(d time.Duration, failed string, fn func(context.Context) error) {
	ctx, cancel := context.WithTimeout(l.ctx, d)
	defer cancel()
	if err := fn(ctx); err != nil && l.ctx.Err() == nil {
		l.o.Logger.Debug("the servers do not answer", "while", failed, "err", err)
	}
}

// followStream admits what came to a stream since, and says how far all of it is known.
func (l *Log) followStream(ctx context.Context, i int) error {
	l.mu.Lock()
	from := l.view.seen[i]
	l.mu.Unlock()
	msgs, err := l.servers.get(ctx, l.eventStream(i), from, 256)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		e, err := l.entryOf(i, m)
		if err != nil {
			return err
		}
		l.mu.Lock()
		if e != nil && !l.view.admit(e, false) {
			poke(l.suspect)
		}
		l.view.reach(i, m.seq+1)
		l.mu.Unlock()
	}
	if len(msgs) == 256 {
		poke(l.wake)
	}
	if len(msgs) > 0 {
		poke(l.done)
	}
	return nil
}

// look compares the streams with what was read of them, and reads everything afresh
// when one was made anew or has lost messages. Only follow calls it.
func (l *Log) look(ctx context.Context) error {
	err := l.sameStreams(ctx, allStreams)
	if !errors.Is(err, errReused) && !is(err, errNoStream) {
		return err
	}
	l.mu.Lock()
	made, next := l.view.made, l.view.next()
	l.mu.Unlock()
	for i := range made {
		lost, err := l.lost(ctx, i, made[i], next[i])
		if err != nil && !is(err, errNoStream) {
			return err
		}
		if lost || err != nil {
			return l.reload(l.ctx) //nolint:contextcheck // it takes as long as reading everything does
		}
	}
	return nil
}

// next is how far each stream is known.
func (v *view) next() [allStreams]uint64 {
	out := v.tails
	copy(out[:], v.seen[:])
	return out
}

// sameStreams is errReused when one of the first n streams seems to be another than it
// was, or to have lost messages.
func (l *Log) sameStreams(ctx context.Context, n int) error {
	l.mu.Lock()
	made, next := l.view.made, l.view.next()
	l.mu.Unlock()
	for i := range n {
		info, err := l.info(ctx, l.stream(i))
		if err != nil {
			return err
		}
		if info.Created.UnixNano() != made[i] || info.State.LastSeq+1 < next[i] {
			return errReused
		}
	}
	return nil
}

// lost says whether a stream was made anew or ends before next. A leader that is new
// may have to catch up with what others have shown: it gets time for it.
func (l *Log) lost(ctx context.Context, i int, made int64, next uint64) (bool, error) {
	for range 4 {
		info, err := l.info(ctx, l.stream(i))
		if err != nil {
			return false, err
		}
		if info.Created.UnixNano() != made {
			return true, nil
		}
		if info.State.LastSeq+1 >= next {
			return false, nil
		}
		if !sleep(ctx, time.Second) {
			return false, ctx.Err()
		}
	}
	return true, nil
}

// cutRows drops what rows say of messages that the streams have lost.
func (l *Log) cutRows(ctx context.Context, v *view) error {
	var end [streams]uint64
	for _, ln := range v.lanes {
		for i, spans := range ln.row.Whole {
			for _, s := range spans {
				end[i] = max(end[i], s.To)
			}
		}
	}
	for i := range end {
		lost, err := l.lost(ctx, i, v.made[i], end[i])
		if err != nil {
			return err
		}
		if !lost {
			continue
		}
		info, err := l.info(ctx, l.eventStream(i))
		if err != nil {
			return err
		}
		v.lossy = true
		for _, ln := range v.lanes {
			ln.row.cut(i, info.State.LastSeq+1)
		}
	}
	return nil
}

// reload reads everything afresh. What waited and is gone is counted.
func (l *Log) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	l.settling.Lock()
	defer l.settling.Unlock()
	l.trimming.Lock()
	defer l.trimming.Unlock()
	fresh := newView()
	l.mu.Lock()
	fresh.ord, fresh.last = l.view.ord, l.view.last // positions of before are before everything
	l.mu.Unlock()
	fresh, err := l.load(ctx, fresh)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.view
	l.view = fresh
	records := 0
	for at, e := range old.at {
		if now := fresh.at[at]; e.open > 0 && (now == nil || now.at != e.at) {
			records += e.waiting()
		}
	}
	l.lostRecords += int64(records)
	for _, ln := range old.lanes {
		close(ln.changed)
	}
	l.o.Logger.Error("a stream of the queue was made anew, or has lost messages: everything was read again", "queue", l.o.Name, "lost", records)
	poke(l.wake)
	poke(l.done)
	return nil
}
