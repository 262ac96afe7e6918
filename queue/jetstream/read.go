package jetstream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/queue/internal/chunk"
)

// Limit bounds a Read; zero means 1,000 records, or 4 MiB. The first record is
// returned whatever its size.
type Limit struct {
	Records int
	Bytes   int64
}

// Batch is what Read found.
type Batch struct {
	Records []queue.Record // copies
	Covers  []queue.Range  // each record is in one; the lane has no others in them
	Next    Position       // reads on behind Records
	More    bool           // the lane has a record behind Records
}

// Read returns records of a lane that are not settled, in order, from a position on;
// 0 is the first of them.
func (l *Log) Read(ctx context.Context, lane string, from Position, limit Limit) (Batch, error) {
	if err := ctx.Err(); err != nil {
		return Batch{}, fmt.Errorf("read: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
	defer cancel()
	if limit.Records <= 0 {
		limit.Records = 1000
	}
	if limit.Bytes <= 0 {
		limit.Bytes = 4 << 20
	}
	out := Batch{Next: from}
	size := int64(0)
	for {
		e, open, slots, next := l.openFrom(lane, out.Next)
		if e == nil {
			out.Next = max(out.Next, next)
			return out, nil
		}
		if len(out.Records) > 0 && (len(out.Records) >= limit.Records || size+int64(e.recs[open[0]].size) > limit.Bytes) {
			out.More = true
			return out, nil
		}
		records, err := l.recordsFor(ctx, lane, e)
		if err != nil && len(out.Records) > 0 {
			out.More = true
			return out, nil
		}
		if err != nil {
			return Batch{}, fmt.Errorf("read: %w", err)
		}
		if records == nil {
			continue // it is gone, and counted
		}
		start, end := int(out.Next&maxRecords), len(e.recs)
		if uint64(out.Next>>indexBits) != e.ord {
			start = 0
		}
		others := l.others(lane, e)
		for k, i := range open {
			r := records[i]
			if n := len(out.Records); n > 0 && (n >= limit.Records || size+int64(len(r.Body)) > limit.Bytes) {
				end, out.More = i, true
				break
			}
			size += int64(len(r.Body))
			r.Seq, r.Settled, r.Lanes, r.Body = e.base()+queue.Seq(i), slots[k], slices.Clone(r.Lanes), clone(r.Body)
			out.Records = append(out.Records, r)
		}
		out.Covers = append(out.Covers, e.ranges(start, end, others)...)
		if out.More {
			out.Next = Position(e.ord<<indexBits | uint64(end))
			return out, nil
		}
		out.Next = Position((e.ord + 1) << indexBits)
	}
}

// others are records of e that lane has not settled and does not read: another with
// their id is read.
func (l *Log) others(lane string, e *entry) (out []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := e.parts[lane]
	for i := range e.recs {
		if e.hidden.has(i) && e.isFor(i, lane) && !p.settled.has(i) {
			out = append(out, i)
		}
	}
	return out
}

// ranges are the records from start to end without others, which are in order.
func (e *entry) ranges(start, end int, others []int) (out []queue.Range) {
	for _, i := range others {
		if i < start || i >= end {
			continue
		}
		if start < i {
			out = append(out, queue.Range{From: e.base() + queue.Seq(start), To: e.base() + queue.Seq(i)})
		}
		start = i + 1
	}
	if start < end {
		out = append(out, queue.Range{From: e.base() + queue.Seq(start), To: e.base() + queue.Seq(end)})
	}
	return out
}

// openFrom gives the first entry from a position on that has something open for lane:
// which records, and what is settled of each. Without one it gives the end.
func (l *Log) openFrom(lane string, from Position) (*entry, []int, []queue.Slots, Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.view.lanes[lane]
	end := Position(l.view.ord << indexBits)
	if ln == nil {
		return nil, nil, nil, end
	}
	at, index := uint64(from>>indexBits), int(from&maxRecords)
	k, _ := slices.BinarySearchFunc(ln.entries, at, func(e *entry, at uint64) int { return compare(queue.Seq(e.ord), queue.Seq(at)) })
	for _, e := range ln.entries[k:] {
		p := e.parts[lane]
		if p.waiting == 0 {
			continue
		}
		first := 0
		if e.ord == at {
			first = index
		}
		var open []int
		var slots []queue.Slots
		for i := first; i < len(e.recs); i++ {
			if e.isFor(i, lane) && e.waits(p, i) {
				open, slots = append(open, i), append(slots, p.slots[uint32(i)])
			}
		}
		if len(open) > 0 {
			return e, open, slots, end
		}
	}
	return nil, nil, nil, end
}

// recordsFor is records, of which those of lane are whole.
func (l *Log) recordsFor(ctx context.Context, lane string, e *entry) ([]queue.Record, error) {
	if lane != queue.LaneHad {
		return l.records(ctx, e)
	}
	out := make([]queue.Record, len(e.recs))
	for i, body := range e.marks { // nothing is asked of the servers
		out[i] = queue.Record{Lanes: e.sets[e.recs[i].set], Received: time.UnixMilli(e.recs[i].received).UTC(), Body: clone(body)}
	}
	return out, nil
}

// records gives all records of an entry, which nobody may change; nil when it is gone.
func (l *Log) records(ctx context.Context, e *entry) ([]queue.Record, error) {
	if rs := l.decoded.of(e); rs != nil {
		return rs, nil
	}
	l.mu.Lock()
	data := e.data
	l.mu.Unlock()
	if data == nil {
		var err error
		if data, err = l.fetch(ctx, l.eventStream(e.stream), e.seq); err != nil {
			return nil, err
		}
	}
	if data == nil {
		if !l.isGone(e) {
			return nil, fmt.Errorf("%w: %d of %s", errNotShown, e.seq, l.eventStream(e.stream))
		}
		l.lose(e)
		return nil, nil
	}
	h, err := chunk.DecodeHeader(data)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	if h.First != e.at {
		l.prove()
		return nil, fmt.Errorf("%w: message %d of %s is another one than it was", errStalled, e.seq, l.eventStream(e.stream))
	}
	_, payload, err := h.Split(data)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	records, err := l.codec.Decode(l.ring, &h, payload)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	l.decoded.keep(e, records)
	return records, nil
}

// decoded is the chunks that were read last: a chunk holds more than a request takes.
type decoded struct {
	mu   sync.Mutex
	last [4]struct {
		e       *entry
		records []queue.Record
	}
	next int
}

// of gives the records of e, which nobody may change; nil: they are to be read.
func (d *decoded) of(e *entry) []queue.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.last {
		if d.last[i].e == e {
			return d.last[i].records
		}
	}
	return nil
}

func (d *decoded) keep(e *entry, records []queue.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.next].e, d.last[d.next].records = e, records
	d.next = (d.next + 1) % len(d.last)
}

// fetch gives a message of a stream; nil when no server shows it. That may be because
// those that answer are behind: also one that was the stream's leader, and has not
// noticed yet that it is cut off from the others.
func (l *Log) fetch(ctx context.Context, stream string, seq uint64) ([]byte, error) {
	var last error
	answers := 0
	for n := range l.servers.conns {
		c, i := l.servers.at(n)
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		msgs, err := getFrom(one, c, stream, seq, 1)
		cancel()
		if err != nil {
			last = err
			continue
		}
		if answers++; len(msgs) == 1 && msgs[0].seq == seq {
			l.servers.good.Store(i)
			return msgs[0].data, nil
		}
	}
	if answers <= len(l.servers.conns)/2 {
		return nil, fmt.Errorf("%w: read message %d of %s: %w", errStalled, seq, stream, last)
	}
	return nil, nil
}

// isGone says whether most servers have not shown a message for Options.Gone.
func (l *Log) isGone(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.missed.IsZero() {
		e.missed = time.Now()
	}
	return time.Since(e.missed) > l.o.Gone
}

// lose counts what an entry held that waited, and forgets it.
func (l *Log) lose(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.at[e.place] != e {
		return
	}
	others := map[*entry]bool{e: true}
	for i := range e.recs { // of one id there may be another
		if o := l.view.giveWay(e, i); o != nil {
			others[o] = true
		}
	}
	for o := range others {
		l.view.count(o)
	}
	l.lostRecords += int64(e.waiting())
	l.o.Logger.Error("a chunk is gone from its stream and is lost", "code", logs.ChunkLost, "stream", l.eventStream(e.stream), "seq", e.seq)
	l.view.remove(e)
}
