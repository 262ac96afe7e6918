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

// Limit bounds a Read; zero means 1,000 records or 4 MiB. The first record is returned whatever its
// size.
type Limit struct {
	Records int
	Bytes   int64
}

// Batch is what Read found.
type Batch struct {
	Records []queue.Record // copies
	Covers  []queue.Range  // the ranges that contain these records and no others of the lane
	Next    Position       // where to continue after Records
	More    bool           // the lane has a record after Records
}

// Read returns records that a lane has not settled, in order, from a position on; 0 is the first.
func (l *Log) Read(ctx context.Context, lane string, from Position, limit Limit) (Batch, error) {
	if err := ctx.Err(); err != nil {
		return Batch{}, fmt.Errorf("read: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
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
		e, open, slots, next := l.nextPending(lane, out.Next)
		if e == nil {
			out.Next = max(out.Next, next)
			return out, nil
		}
		if len(out.Records) > 0 && (len(out.Records) >= limit.Records || size+int64(e.records[open[0]].size) > limit.Bytes) {
			out.More = true
			return out, nil
		}
		records, err := l.laneRecords(ctx, lane, e)
		if err != nil && len(out.Records) > 0 {
			out.More = true
			return out, nil
		}
		if err != nil {
			return Batch{}, fmt.Errorf("read: %w", err)
		}
		if records == nil {
			continue // the chunk is lost, and counted
		}
		start, end := int(out.Next&maxRecords), len(e.records)
		if uint64(out.Next>>indexBits) != e.order {
			start = 0
		}
		others := l.hiddenUnsettled(lane, e)
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
			out.Next = Position(e.order<<indexBits | uint64(end))
			return out, nil
		}
		out.Next = Position((e.order + 1) << indexBits)
	}
}

// hiddenUnsettled returns the records of e that lane has not settled but does not read, because a
// copy with the same id is read.
func (l *Log) hiddenUnsettled(lane string, e *entry) (out []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := e.lanes[lane]
	for i := range e.records {
		if e.hidden.has(i) && e.isFor(i, lane) && !p.settled.has(i) {
			out = append(out, i)
		}
	}
	return out
}

// nextPending returns the first entry from a position on with pending records for lane, their
// indexes, and the settled slots of each. Without such an entry it returns the end position.
func (l *Log) nextPending(lane string, from Position) (*entry, []int, []queue.Slots, Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.view.lanes[lane]
	end := Position(l.view.nextOrder << indexBits)
	if ln == nil {
		return nil, nil, nil, end
	}
	at, index := uint64(from>>indexBits), int(from&maxRecords)
	k, _ := slices.BinarySearchFunc(ln.entries, at, func(e *entry, at uint64) int { return compare(queue.Seq(e.order), queue.Seq(at)) })
	for _, e := range ln.entries[k:] {
		p := e.lanes[lane]
		if p.pending == 0 {
			continue
		}
		first := 0
		if e.order == at {
			first = index
		}
		var open []int
		var slots []queue.Slots
		for i := first; i < len(e.records); i++ {
			if e.isFor(i, lane) && e.isPending(p, i) {
				open, slots = append(open, i), append(slots, p.slots[uint32(i)])
			}
		}
		if len(open) > 0 {
			return e, open, slots, end
		}
	}
	return nil, nil, nil, end
}

// laneRecords is like chunkRecords, but only the records of lane are complete.
func (l *Log) laneRecords(ctx context.Context, lane string, e *entry) ([]queue.Record, error) {
	if lane != queue.LaneHad {
		return l.chunkRecords(ctx, e)
	}
	out := make([]queue.Record, len(e.records))
	for i, body := range e.hadBodies { // needs no request to the servers
		out[i] = queue.Record{Lanes: e.laneSets[e.records[i].set], Received: time.UnixMilli(e.records[i].received).UTC(), Body: clone(body)}
	}
	return out, nil
}

// chunkRecords returns all records of an entry, which must not be changed; nil if the chunk is
// lost.
func (l *Log) chunkRecords(ctx context.Context, e *entry) ([]queue.Record, error) {
	if rs := l.recent.get(e); rs != nil {
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
		if !l.isLost(e) {
			return nil, fmt.Errorf("%w: %d of %s", errNotShown, e.seq, l.eventStream(e.stream))
		}
		l.countLost(e)
		return nil, nil
	}
	h, err := chunk.DecodeHeader(data)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	if h.First != e.number {
		l.reportReuse()
		return nil, fmt.Errorf("%w: message %d of %s was replaced by another message", errStalled, e.seq, l.eventStream(e.stream))
	}
	_, payload, err := h.Split(data)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	records, err := l.codec.Decode(l.ring, &h, payload)
	if err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	l.recent.put(e, records)
	return records, nil
}

// recentChunks caches the most recently read chunks: a chunk holds more records than one request to
// Meta takes.
type recentChunks struct {
	mu   sync.Mutex
	last [4]struct {
		e       *entry
		records []queue.Record
	}
	next int
}

// get returns the records of e, which must not be changed, or nil if they are not cached.
func (d *recentChunks) get(e *entry) []queue.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.last {
		if d.last[i].e == e {
			return d.last[i].records
		}
	}
	return nil
}

func (d *recentChunks) put(e *entry, records []queue.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.next].e, d.last[d.next].records = e, records
	d.next = (d.next + 1) % len(d.last)
}

// fetch returns a message of a stream, or nil if no server that answered has it. Those servers may
// be behind, or may include a former leader that has not noticed yet that it is cut off.
func (l *Log) fetch(ctx context.Context, stream string, seq uint64) ([]byte, error) {
	var last error
	answers := 0
	for n := range l.servers.conns {
		c, i := l.servers.nth(n)
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		msgs, err := getFrom(one, c, stream, seq, 1)
		cancel()
		if err != nil {
			last = err
			continue
		}
		if answers++; len(msgs) == 1 && msgs[0].seq == seq {
			l.servers.lastGood.Store(i)
			return msgs[0].data, nil
		}
	}
	if answers <= len(l.servers.conns)/2 {
		return nil, fmt.Errorf("%w: read message %d of %s: %w", errStalled, seq, stream, last)
	}
	return nil, nil
}

// isLost reports whether a majority of the servers have not had a message for Options.Gone.
func (l *Log) isLost(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.missingSince.IsZero() {
		e.missingSince = time.Now()
	}
	return time.Since(e.missingSince) > l.options.Gone
}

// countLost counts the pending records of an entry as lost, and removes the entry.
func (l *Log) countLost(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.entries[e.place] != e {
		return
	}
	others := map[*entry]bool{e: true}
	for i := range e.records { // a copy of the record may exist
		if o := l.view.promoteCopy(e, i); o != nil {
			others[o] = true
		}
	}
	for o := range others {
		l.view.recount(o)
	}
	l.lostRecords += int64(e.pendingRecords())
	l.options.Logger.Error("a chunk is missing from its stream and lost", "code", logs.ChunkLost, "stream", l.eventStream(e.stream), "seq", e.seq)
	l.view.remove(e)
}
