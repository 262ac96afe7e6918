package local_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/local"
	"relay/queue/queuetest"
	"relay/queue/queuetest/disktest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, queuetest.Engine{
		Open:     opener(local.Options{MaxSize: 64 << 20, SegmentSize: 256 << 10, AppendTimeout: 30 * time.Second}),
		Outlives: true,
		Full:     &queuetest.Full{Open: opener(local.Options{MaxSize: 2 << 20}), Size: 2 << 20},
		Hang: &queuetest.Hang{
			Open: opener(local.Options{
				MaxSize: 32 << 20, SegmentSize: 256 << 10,
				AppendTimeout: 900 * time.Millisecond, IOTimeout: 900 * time.Millisecond, MaxWaiting: 1 << 20,
			}),
			Volume: func(t *testing.T) queuetest.Freezer { return disktest.NewVolume(t, 64) },
		},
		Damage: &queuetest.Damage{
			Open:  opener(local.Options{MaxSize: 64 << 20, SegmentSize: 64 << 10}),
			Files: func(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "*.seg")) },
			Lost:  func(l queuetest.Log) int64 { return l.(*adapter).q.Stats().LostRecords },
		},
	})
}

// adapter adapts a Queue to the contract tests.
type adapter struct{ q *local.Queue }

// opener opens a queue and waits until all old segments were opened.
func opener(o local.Options) queuetest.Opener {
	return func(dir string) (queuetest.Log, error) {
		q, err := local.Open(dir, o)
		if err != nil {
			return nil, err
		}
		for {
			changed := q.Changed()
			if !q.Stats().Opening {
				return &adapter{q}, nil
			}
			<-changed
		}
	}
}

func (a *adapter) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	return a.q.Append(ctx, entries)
}

func (a *adapter) Read(ctx context.Context, lane string, from queuetest.Position, limit queuetest.Limit) (queuetest.Batch, error) {
	if err := ctx.Err(); err != nil {
		return queuetest.Batch{}, err
	}
	b, err := a.q.Read(lane, queue.Seq(from), limit.Records, limit.Bytes)
	return queuetest.Batch{Records: b.Records, Covers: []queue.Range{{From: b.From, To: b.Next}}, Next: queuetest.Position(b.Next), More: b.More}, err
}

func (a *adapter) Settle(ctx context.Context, lane string, s queuetest.Settlement) (queuetest.Revision, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	out := queue.Settlement{ID: s.ID, Revision: s.Revision, Settled: s.Settled, Parts: s.Parts, State: s.State, Counts: make(map[string]int)}
	for k, n := range s.Counts {
		out.Counts[k] = int(n)
	}
	for _, l := range s.Dead {
		r := l.Record
		out.Dead = append(out.Dead, queue.DeadLetter{
			Seq: r.Seq, MessageID: r.ID, EventSet: lane, Reason: l.Reason, Message: l.Message,
			ReceivedAt: r.Received, Flags: r.Flags, Body: r.Body,
		})
	}
	return a.q.Settle(lane, out)
}

func (a *adapter) Lanes(ctx context.Context) ([]queuetest.Lane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []queuetest.Lane
	for _, l := range a.q.Lanes() {
		out = append(out, queuetest.Lane{Name: l.Name, Revision: l.Revision, Invalidations: l.Invalidations, Pending: l.Pending, Bytes: l.Bytes, Oldest: l.Oldest, State: l.State, Counts: l.Counts})
	}
	return out, nil
}

// Changed ignores the lane: the queue's channel is closed for any lane.
func (a *adapter) Changed(string) <-chan struct{} { return a.q.Changed() }

func (a *adapter) Dead(ctx context.Context, after string, n int) ([]queuetest.Letter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []queuetest.Letter
	err := a.q.DeadLetters(after, func(d queue.DeadLetter) bool {
		out = append(out, queuetest.Letter{
			ID: d.ID, Lane: d.EventSet, Reason: d.Reason, Message: d.Message,
			Record: queue.Record{ID: d.MessageID, Received: d.ReceivedAt, Flags: d.Flags, Body: d.Body},
		})
		return len(out) < n
	})
	return out, err
}

func (a *adapter) Close() error { return a.q.Close() }
