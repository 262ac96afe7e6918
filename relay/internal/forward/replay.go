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

// KeptLog is where an edge has copies of what it handed over.
type KeptLog interface {
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
}

// Replayed says what one step of a replay found.
type Replayed struct {
	Next    queue.Seq // where the next step begins
	More    bool      // there is one
	Kept    int       // copies looked at
	Missing int       // of them, those that the hub lacks
	Sent    int       // handed over anew
}

// NotTakenError says that the hub did not answer, or did not take what it lacks: a
// replay can be begun again.
type NotTakenError struct{ Result graph.Result }

func (e *NotTakenError) Error() string {
	return "the hub did not take what it lacks: " + e.Result.Message
}

// Replay is one step of handing over anew what the hub lacks of what is kept: the copies
// from a number on that were received since a time. end is drain.Handed: what lies
// behind it is handed over by its own lane. With dry it only asks.
func (c *Client) Replay(ctx context.Context, log KeptLog, from, end queue.Seq, since time.Time, dry bool) (Replayed, error) {
	b, err := log.Read(queue.LaneKept, from, 1000, 512<<10)
	if err != nil {
		return Replayed{}, fmt.Errorf("read what is kept: %w", err)
	}
	out := Replayed{Next: b.Next, More: b.More}
	if i := slices.IndexFunc(b.Records, func(r queue.Record) bool { return r.Seq >= end }); i >= 0 {
		b.Records, out.More = b.Records[:i], false
	}
	parts := map[source][]queue.Record{}
	var order []source
	for _, r := range b.Records {
		if r.Received.Before(since) {
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
		lacks := add(nil, m.Ranges)
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

// again hands over records of one source that the hub lacks. All of the source that
// lies between them has been handed over before, or is a copy that the hub has.
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
			if n == 1 || r.Class != graph.TooMuch && !r.TooSlow {
				return sent, &NotTakenError{r}
			}
			n /= 2
		}
		sent, recs = sent+n, recs[n:]
	}
	return sent, nil
}

// laneOfKept says as what a copy was handed over.
func laneOfKept(r queue.Record) Lane {
	for _, name := range r.Lanes {
		if lane := laneOf(name); lane != Events {
			return lane
		}
	}
	return Events
}
