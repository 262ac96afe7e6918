package drain

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/relay/internal/graph"
)

// sharedLog is a log that several processes drain, and that orders records otherwise
// than by number.
type sharedLog struct {
	*fakeLog
	fenced atomic.Bool
	asked  atomic.Int64
}

func (l *sharedLog) Settle(lane string, s queue.Settlement) (queue.Revision, error) {
	if l.fenced.Load() && s.Revision != 0 {
		return 0, queue.ErrFenced
	}
	return l.fakeLog.Settle(lane, s)
}

const farAway = queue.Seq(1) << 60 // where places begin

func (l *sharedLog) Read(lane string, from queue.Seq, n int, bytes int64) (queue.Batch, error) {
	if from >= farAway {
		from -= farAway
	}
	b, err := l.fakeLog.Read(lane, from, n, bytes)
	b.Covers = []queue.Range{}
	for i := range b.Records {
		at := b.Records[i].Seq
		b.Covers = append(b.Covers, queue.Range{From: at, To: at + 1})
	}
	b.From, b.Next = b.From+farAway, b.Next+farAway
	return b, err
}

func (l *sharedLog) ReadSeqs(lane string, numbers []queue.Seq) (queue.Batch, error) {
	l.asked.Add(1)
	b, err := l.Read(lane, 0, 1000, 1<<62)
	b.Records = slices.DeleteFunc(b.Records, func(r queue.Record) bool { return !slices.Contains(numbers, r.Seq) })
	b.Covers = nil
	for i := range b.Records {
		at := b.Records[i].Seq
		b.Covers = append(b.Covers, queue.Range{From: at, To: at + 1})
	}
	b.Next, b.More = 1<<61, false
	return b, err
}

// A process whose settlements are fenced sends nothing more and keeps nothing to say; once
// it may deliver again it begins with what the others have left, and what was in doubt
// goes again by its number, unchanged.
func TestFenced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		log := &sharedLog{fakeLog: w.log}
		w.opts.Log = log
		var mine atomic.Bool
		mine.Store(true)
		w.opts.Mine = mine.Load
		all := w.fill(setA, "e", 3)
		w.sender.set(func(_ int, c call) graph.Result { return graph.Result{Class: graph.Doubt} })
		s, err := New(w.opts)
		if err != nil {
			t.Fatal(err)
		}
		run := func(d time.Duration) {
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			pass(d)
			stop()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		run(10 * time.Millisecond)
		first := len(w.sender.seen())
		if first == 0 {
			t.Fatal("nothing was sent")
		}
		log.fenced.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		pass(time.Hour)
		state := State("")
		for _, l := range s.Status() {
			if l.Lane == setA {
				state = l.State
			}
		}
		if state != Standby || len(w.sender.seen()) > first+1 {
			t.Errorf("a fenced lane is %s after %d more requests", state, len(w.sender.seen())-first)
		}
		stop()
		<-done
		log.fenced.Store(false)

		mine.Store(false) // the lease is not held by the time the request would leave
		sent := len(w.sender.seen())
		run(time.Hour)
		if n := len(w.sender.seen()); n != sent {
			t.Errorf("%d requests left without the lease", n-sent)
		}
		mine.Store(true)
		w.sender.set(nil)
		asked := log.asked.Load()
		run(time.Hour)
		w.exactlyOnce(all...)
		if log.asked.Load() == asked {
			t.Error("what is in doubt is not read by its number")
		}
		w.wantPending(setA, 0)
	})
}
