package forward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"relay/queue"
	"relay/relay/internal/graph"
)

// KeptLog has the copies of the records that an edge forwarded.
type KeptLog interface {
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
}

// Replayed is the result of one step of a replay.
type Replayed struct {
	Next    queue.Seq // where the next step begins
	More    bool      // there is a next step
	Kept    int       // copies compared
	Missing int       // copies that the hub lacks
	Sent    int       // records sent again
}

// NotTakenError means that the hub did not answer or did not accept records that it lacks.
// The replay can be started again.
type NotTakenError struct{ Result graph.Result }

func (e *NotTakenError) Error() string {
	return "the hub did not accept the events that it lacks: " + e.Result.Message
}

// Replay does one step of a replay: it sends the copies that the hub lacks, from a number on,
// if they were received since a time. end is drain.Handed: records behind it are still
// forwarded by their own lane. With dry it sends nothing.
func (c *Client) Replay(ctx context.Context, log KeptLog, from, end queue.Seq, since time.Time, dry bool) (Replayed, error) {
	b, err := log.Read(queue.LaneKept, from, 1000, 512<<10)
	if err != nil {
		return Replayed{}, fmt.Errorf("read the kept copies: %w", err)
	}
	out := Replayed{Next: b.Next, More: b.More}
	if i := slices.IndexFunc(b.Records, func(r queue.Record) bool { return r.Seq >= end }); i >= 0 {
		b.Records, out.More = b.Records[:i], false
	}
	parts := map[source][]queue.Record{}
	var order []source
	for _, r := range b.Records {
		if c.o.Received(&r).Before(since) {
			continue
		}
		epoch, _ := c.o.Epochs.Of(r.Seq)
		src := source{epoch, laneOfKept(r)}
		if parts[src] == nil {
			order = append(order, src)
		}
		parts[src] = append(parts[src], r)
		out.Kept++
	}
	if out.Kept == 0 {
		return out, nil
	}
	var call Call
	for _, src := range order {
		var has ranges
		for _, r := range parts[src] {
			has = has.with(queue.Range{From: r.Seq, To: r.Seq + 1})
		}
		call.Has = append(call.Has, save(src, has))
	}
	a, r := c.Call(ctx, call)
	if r.Class != graph.Delivered {
		return Replayed{}, &NotTakenError{r}
	}
	for _, m := range a.Missing {
		src, ok := m.source()
		if !ok {
			return Replayed{}, errors.New("the hub's answer names no epoch")
		}
		lacks := addRanges(nil, m.Ranges)
		recs := slices.DeleteFunc(parts[src], func(r queue.Record) bool { return !lacks.has(r.Seq) })
		out.Missing += len(recs)
		if dry || len(recs) == 0 {
			continue
		}
		n, err := c.again(ctx, src, recs)
		out.Sent += n
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// again sends records of one source that the hub lacks. A chunk's range can include records
// between them, because the hub already has those or they were forwarded before.
func (c *Client) again(ctx context.Context, src source, recs []queue.Record) (sent int, err error) {
	for len(recs) > 0 {
		n := len(recs)
		for {
			chunk := Chunk{Epoch: src.epoch, Lane: src.lane, From: recs[0].Seq, To: recs[n-1].Seq + 1, State: c.o.State(), Records: recs[:n]}
			chunk.State.Version = c.o.Version
			_, r := c.post(ctx, ContentType, chunk.Append(nil))
			if r.Class == graph.Delivered {
				break
			}
			if n == 1 || r.Class != graph.TooMuch && r.Failure != graph.FailureSlow {
				return sent, &NotTakenError{r}
			}
			n /= 2
		}
		sent, recs = sent+n, recs[n:]
	}
	return sent, nil
}

// laneOfKept returns the kind with which a copy was forwarded.
func laneOfKept(r queue.Record) Lane {
	for _, name := range r.Lanes {
		if lane := laneOf(name); lane != Events {
			return lane
		}
	}
	return Events
}
