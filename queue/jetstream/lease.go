package jetstream

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/queue"
)

// Lease says that this process drains the log, and no other does. It is by each
// process's own monotonic clock: the time of day means nothing to it.
//
//	holder   stops at 2/3 of Options.Lease after the last renewal that was confirmed
//	others   take it when they saw no renewal for all of Options.Lease
//
// Whoever takes it raises the epoch in the row of each lane before Lease returns: a
// holder that was frozen meanwhile gets queue.ErrFenced from Settle.
type Lease struct {
	l    *Log
	lost chan struct{}
	end  context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	until time.Time
	over  bool
}

// Lease waits until this process may drain the log, which may take as long as ctx
// lets it.
func (l *Log) Lease(ctx context.Context) (*Lease, error) {
	me := []byte(rand.Text() + "@" + strings.ReplaceAll(l.o.Holder, " ", "_"))
	at := l.rowSubject() + "lease"
	var seen []byte
	since := time.Now()
	for {
		m, _, err := l.row(ctx, at)
		if err == nil {
			l.holder.saw(m.data)
		}
		if l.blind.Load() { // who cannot read all of it must not deliver
			seen = nil
		} else if err == nil {
			if !bytes.Equal(m.data, seen) {
				seen, since = clone(m.data), time.Now()
			}
			if len(m.data) == 0 || time.Since(since) > l.o.Lease {
				start := time.Now()
				var epoch uint64
				if epoch, err = l.swap(ctx, at, m.seq, beat(me, 0)); err == nil {
					return l.lead(ctx, me, epoch, start)
				}
			}
		}
		if err != nil && !is(err, errWrongLast) {
			l.o.Logger.Debug("the lease cannot be read", "code", logs.ServersSlow, "err", err)
		}
		if err := l.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// pause waits for about a tenth of the lease.
func (l *Log) pause(ctx context.Context) error {
	d := l.o.Lease / 10
	if n, err := rand.Int(rand.Reader, big.NewInt(int64(d)/4+1)); err == nil {
		d += time.Duration(n.Int64())
	}
	if !sleep(ctx, d) {
		return fmt.Errorf("lease: %w", ctx.Err())
	}
	if l.ctx.Err() != nil {
		return queue.ErrClosed
	}
	return nil
}

// Holder names the process that has the lease, while this one waits for it; "": nobody
// renews it. known is false while the servers do not answer.
func (l *Log) Holder() (name string, known bool) { return l.holder.of(l.o.Lease) }

func beat(me []byte, n int) []byte { return fmt.Appendf(clone(me), " %d", n) }

// lead makes a lease of one that was taken, with the lanes as those before left them.
func (l *Log) lead(ctx context.Context, me []byte, epoch uint64, start time.Time) (*Lease, error) { //nolint:contextcheck // the lease outlives the call that took it
	run, end := context.WithCancel(l.ctx)
	le := &Lease{l: l, lost: make(chan struct{}), done: make(chan struct{}), end: end, until: start.Add(2 * l.o.Lease / 3)}
	l.wg.Go(func() { le.renew(run, me, epoch) })
	ready, cancel := context.WithTimeout(ctx, max(l.o.Lease, time.Minute)) // another one may be able to
	defer cancel()
	err := l.claim(ready, epoch)
	if err == nil {
		err = l.catchUp(ready)
	}
	if err != nil {
		le.Release()
		return nil, fmt.Errorf("lease: %w", stalled(err))
	}
	return le, nil
}

// claim raises the epoch of every lane, after what others have settled was read.
func (l *Log) claim(ctx context.Context, epoch uint64) error {
	l.settling.Lock()
	defer l.settling.Unlock()
	l.mu.Lock()
	l.epoch = epoch
	l.mu.Unlock()
	for {
		lanes, err := l.Lanes(ctx)
		if err != nil {
			return err
		}
		raised := 0
		for _, ln := range lanes {
			ok, err := l.raise(ctx, ln.Name, epoch)
			if err != nil {
				return err
			}
			if ok {
				raised++
			}
		}
		if raised == 0 {
			return nil
		}
	}
}

// raise is false when the lane's row has the epoch, or a later one, already.
func (l *Log) raise(ctx context.Context, name string, epoch uint64) (bool, error) {
	for {
		if err := l.refresh(ctx, name); err != nil {
			return false, err
		}
		l.mu.Lock()
		ln := l.view.lane(name)
		r, rev, made := ln.row, ln.rev, l.view.made
		l.mu.Unlock()
		if r.Epoch >= epoch {
			return false, nil
		}
		r.Lane, r.Epoch, r.Made = name, epoch, made
		data, err := l.encodeRow(&r)
		if err != nil {
			return false, err
		}
		_, err = l.swap(ctx, l.laneSubject(name), rev, data)
		if err == nil {
			return true, l.refresh(ctx, name)
		}
		if !is(err, errWrongLast) {
			return false, err
		}
		if !sleep(ctx, 50*time.Millisecond) { // the server that answered may be behind
			return false, ctx.Err()
		}
	}
}

// catchUp reads all that was stored before the call: what the holder before has noted
// must be known before anything is read.
func (l *Log) catchUp(ctx context.Context) error {
	l.mu.Lock()
	v := l.view
	l.mu.Unlock()
	if err := l.readRowsNow(ctx, v); err != nil {
		return err
	}
	for i := range streams {
		info, err := l.info(ctx, l.eventStream(i))
		if err != nil {
			return err
		}
		for {
			l.mu.Lock()
			known := l.view.seen[i] > info.State.LastSeq
			l.mu.Unlock()
			if known {
				break
			}
			poke(l.wake)
			if err := l.passGone(ctx, i); err != nil {
				return err
			}
			if !sleep(ctx, 20*time.Millisecond) {
				return fmt.Errorf("%w: stream %s cannot be read to its end: %w", errStalled, l.eventStream(i), ctx.Err())
			}
		}
	}
	return nil
}

// renew keeps the lease until it is lost or released.
func (le *Lease) renew(ctx context.Context, me []byte, rev uint64) {
	defer close(le.done)
	l := le.l
	at := l.rowSubject() + "lease"
	for n := 1; ; n++ {
		if !sleep(ctx, l.o.Lease/10) || !le.Fresh() {
			break
		}
		start := time.Now()
		one, cancel := context.WithDeadline(ctx, le.deadline())
		made, err := l.swap(one, at, rev, beat(me, n))
		if is(err, errWrongLast) { // its answer was lost, or it is another's
			m, ok, rerr := l.row(one, at)
			if rerr == nil && ok && bytes.HasPrefix(m.data, append(clone(me), ' ')) {
				made, err = m.seq, nil
				start = le.deadline().Add(-2 * l.o.Lease / 3) // when it was renewed nobody knows
			} else if rerr == nil && ok && m.seq > rev {
				cancel()
				break
			}
		}
		cancel()
		if err == nil {
			l.holder.heard()
			rev = made
			le.mu.Lock()
			le.until = start.Add(2 * l.o.Lease / 3)
			le.mu.Unlock()
		}
	}
	fresh := le.Fresh()
	le.lose()
	if ctx.Err() != nil && fresh { // released: the next one need not wait
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if _, err := l.swap(one, at, rev, nil); err != nil {
			l.o.Logger.Debug("the lease was not released", "code", logs.ServersSlow, "err", err)
		}
	}
}

func (le *Lease) deadline() time.Time {
	le.mu.Lock()
	defer le.mu.Unlock()
	return le.until
}

// Fresh says whether the lease is held now. It is asked right before something leaves
// that must leave once.
func (le *Lease) Fresh() bool {
	le.mu.Lock()
	defer le.mu.Unlock()
	return !le.over && time.Now().Before(le.until)
}

// Lost is closed once the lease is lost or released. Nothing may be sent after it.
func (le *Lease) Lost() <-chan struct{} { return le.lost }

func (le *Lease) lose() {
	le.mu.Lock()
	defer le.mu.Unlock()
	if !le.over {
		le.over = true
		close(le.lost)
	}
}

// Release gives the lease to whoever waits for it. It may be called twice.
func (le *Lease) Release() {
	le.end()
	<-le.done
}
