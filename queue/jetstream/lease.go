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

// Lease means that this process drains the log and no other process does. It relies only on each
// process's monotonic clock, not on the time of day.
//
//	holder   stops 2/3 of Options.Lease after its last confirmed renewal
//	others   take the lease after seeing no renewal for all of Options.Lease
//
// Before Lease returns, the new holder has raised the epoch in the row of every lane: a former
// holder that was frozen meanwhile gets queue.ErrFenced from Settle.
type Lease struct {
	l    *Log
	lost chan struct{}
	end  context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	until time.Time
	ended bool
}

// Lease waits until this process may drain the log, or ctx ends.
func (l *Log) Lease(ctx context.Context) (*Lease, error) {
	me := []byte(rand.Text() + "@" + strings.ReplaceAll(l.options.Holder, " ", "_"))
	at := l.rowSubject() + "lease"
	var seen []byte
	since := time.Now()
	for {
		m, _, err := l.readRow(ctx, at)
		if err == nil {
			l.holder.saw(m.data)
		}
		if l.keyMissing.Load() { // a process that cannot read everything must not deliver
			seen = nil
		} else if err == nil {
			if !bytes.Equal(m.data, seen) {
				seen, since = clone(m.data), time.Now()
			}
			if len(m.data) == 0 || time.Since(since) > l.options.Lease {
				start := time.Now()
				var epoch uint64
				if epoch, err = l.compareAndSet(ctx, at, m.seq, renewal(me, 0)); err == nil {
					return l.startLease(ctx, me, epoch, start)
				}
			}
		}
		if err != nil && !hasCode(err, codeWrongLast) {
			l.options.Logger.Debug("the lease cannot be read", "code", logs.ServersSlow, "err", err)
		}
		if err := l.waitToRetry(ctx); err != nil {
			return nil, err
		}
	}
}

// waitToRetry waits for about a tenth of the lease.
func (l *Log) waitToRetry(ctx context.Context) error {
	d := l.options.Lease / 10
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

// Holder returns the name of the process that holds the lease, while this one waits for it; "" if
// no process renews it. known is false while the servers do not answer.
func (l *Log) Holder() (name string, known bool) { return l.holder.of(l.options.Lease) }

func renewal(me []byte, n int) []byte { return fmt.Appendf(clone(me), " %d", n) }

// startLease makes a Lease from the row this process has just taken, and takes over the lanes.
func (l *Log) startLease(ctx context.Context, me []byte, epoch uint64, start time.Time) (*Lease, error) { //nolint:contextcheck // the lease outlives this call
	run, end := context.WithCancel(l.ctx)
	le := &Lease{l: l, lost: make(chan struct{}), done: make(chan struct{}), end: end, until: start.Add(2 * l.options.Lease / 3)}
	l.wg.Go(func() { le.renew(run, me, epoch) })
	ready, cancel := context.WithTimeout(ctx, max(l.options.Lease, time.Minute)) // after that, let another process try
	defer cancel()
	err := l.raiseEpochs(ready, epoch)
	if err == nil {
		err = l.catchUp(ready)
	}
	if err != nil {
		le.Release()
		return nil, fmt.Errorf("lease: %w", asStalled(err))
	}
	return le, nil
}

// raiseEpochs raises the epoch of every lane, so that the lanes' former holders are fenced.
func (l *Log) raiseEpochs(ctx context.Context, epoch uint64) error {
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
			ok, err := l.raiseEpoch(ctx, ln.Name, epoch)
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

// raiseEpoch returns false if the lane's row already has this epoch or a later one.
func (l *Log) raiseEpoch(ctx context.Context, name string, epoch uint64) (bool, error) {
	for {
		if err := l.refreshRow(ctx, name); err != nil {
			return false, err
		}
		l.mu.Lock()
		ln := l.view.lane(name)
		r, rev, made := ln.row, ln.revision, l.view.created
		l.mu.Unlock()
		if r.Epoch >= epoch {
			return false, nil
		}
		r.Lane, r.Epoch, r.Created = name, epoch, made
		data, err := l.encodeRow(&r)
		if err != nil {
			return false, err
		}
		_, err = l.compareAndSet(ctx, l.laneSubject(name), rev, data)
		if err == nil {
			return true, l.refreshRow(ctx, name)
		}
		if !hasCode(err, codeWrongLast) {
			return false, err
		}
		if !sleep(ctx, 50*time.Millisecond) { // the server that answered may be behind
			return false, ctx.Err()
		}
	}
}

// catchUp reads everything stored before the call: what the former holder stored must be known
// before anything is read.
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
			known := l.view.readTo[i] > info.State.LastSeq
			l.mu.Unlock()
			if known {
				break
			}
			signal(l.moreEvents)
			if err := l.skipRemoved(ctx, i); err != nil {
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
		if !sleep(ctx, l.options.Lease/10) || !le.Fresh() {
			break
		}
		start := time.Now()
		one, cancel := context.WithDeadline(ctx, le.deadline())
		made, err := l.compareAndSet(one, at, rev, renewal(me, n))
		if hasCode(err, codeWrongLast) { // either the answer to our renewal was lost, or another process took the lease
			m, ok, rerr := l.readRow(one, at)
			if rerr == nil && ok && bytes.HasPrefix(m.data, append(clone(me), ' ')) {
				made, err = m.seq, nil
				start = le.deadline().Add(-2 * l.options.Lease / 3) // the time of that renewal is unknown, so do not extend
			} else if rerr == nil && ok && m.seq > rev {
				cancel()
				break
			}
		}
		cancel()
		if err == nil {
			l.holder.answeredNow()
			rev = made
			le.mu.Lock()
			le.until = start.Add(2 * l.options.Lease / 3)
			le.mu.Unlock()
		}
	}
	fresh := le.Fresh()
	le.markLost()
	if ctx.Err() != nil && fresh { // released: the next holder need not wait
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if _, err := l.compareAndSet(one, at, rev, nil); err != nil {
			l.options.Logger.Debug("the lease was not released", "code", logs.ServersSlow, "err", err)
		}
	}
}

func (le *Lease) deadline() time.Time {
	le.mu.Lock()
	defer le.mu.Unlock()
	return le.until
}

// Fresh reports whether the lease is held now. Check it right before sending anything that must be
// sent only once.
func (le *Lease) Fresh() bool {
	le.mu.Lock()
	defer le.mu.Unlock()
	return !le.ended && time.Now().Before(le.until)
}

// Lost returns a channel that is closed once the lease is lost or released. Nothing may be sent
// after that.
func (le *Lease) Lost() <-chan struct{} { return le.lost }

func (le *Lease) markLost() {
	le.mu.Lock()
	defer le.mu.Unlock()
	if !le.ended {
		le.ended = true
		close(le.lost)
	}
}

// Release gives up the lease, so that a waiting process gets it at once. It may be called twice.
func (le *Lease) Release() {
	le.end()
	<-le.done
}
