package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

const (
	maxRaw     = 1 << 20 // of a chunk of several calls
	retryAfter = 5 * time.Second
)

// intake is what waits for the writer.
type intake struct {
	mu      sync.Mutex
	waiting []*call
	bytes   int64
	closed  bool
	more    chan struct{}
}

// call is an Append under way.
type call struct {
	entries []queue.Entry
	size    int64
	taken   bool          // the writer has it: guarded by intake.mu
	read    chan struct{} // closed once the writer needs the entries no more
	done    chan struct{} // closed once the result is there
	out     queue.Appended
	err     error
}

func (in *intake) init() { in.more = make(chan struct{}, 1) }

func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	for _, c := range in.waiting {
		c.err = queue.ErrClosed
		close(c.read)
		close(c.done)
	}
	in.waiting, in.bytes = nil, 0
	poke(in.more)
}

func (in *intake) put(c *call, most int64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return queue.ErrClosed
	case in.bytes > 0 && in.bytes+c.size > most:
		return queue.ErrBusy
	}
	in.waiting = append(in.waiting, c)
	in.bytes += c.size
	poke(in.more)
	return nil
}

// withdraw is false when the writer has the call already.
func (in *intake) withdraw(c *call) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if c.taken {
		return false
	}
	in.waiting = slices.DeleteFunc(in.waiting, func(o *call) bool { return o == c })
	in.bytes -= c.size
	return true
}

// take gives calls for one chunk.
func (in *intake) take() (out []*call, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	size, n := int64(0), 0
	for len(in.waiting) > 0 {
		c := in.waiting[0]
		if len(out) > 0 && (size+c.size > maxRaw || n+len(c.entries) > maxRecords) {
			break
		}
		in.waiting = in.waiting[1:]
		in.bytes -= c.size
		c.taken = true
		size, n = size+c.size, n+len(c.entries)
		out = append(out, c)
	}
	if len(in.waiting) > 0 {
		poke(in.more)
	}
	return out, in.closed
}

// Append stores all entries or none. They are on the synced logs of most servers when
// it returns nil.
func (l *Log) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	if err := ctx.Err(); err != nil {
		return queue.Appended{}, fmt.Errorf("append: %w", err)
	}
	if err := valid(entries); err != nil {
		return queue.Appended{}, err
	}
	c := &call{entries: entries, read: make(chan struct{}), done: make(chan struct{})}
	for i := range entries {
		c.size += int64(len(entries[i].Body) + len(entries[i].ID) + 64)
	}
	if err := l.intake.put(c, l.o.MaxWaiting); err != nil {
		return queue.Appended{}, err
	}
	late := time.NewTimer(l.o.AppendTimeout)
	defer late.Stop()
	var err error
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		err = fmt.Errorf("append: %w", ctx.Err())
	case <-late.C:
		if err = errStalled; ctx.Err() != nil {
			err = fmt.Errorf("append: %w", ctx.Err())
		}
	}
	if !l.intake.withdraw(c) {
		<-c.read // until then the bodies are read
	}
	return queue.Appended{}, err
}

func valid(entries []queue.Entry) error {
	if len(entries) > maxRecords {
		return fmt.Errorf("%d entries at once, %d is the most: %w", len(entries), maxRecords, queue.ErrInvalid)
	}
	for i := range entries {
		if err := entries[i].Valid(i); err != nil {
			return err
		}
	}
	return nil
}

// write makes chunks of what waits, one after the other: one in flight makes the
// largest chunks, which is what costs least.
func (l *Log) write() {
	w := &writer{Log: l, b: chunk.NewBuilder(l.codec, l.ring)}
	for range l.intake.more {
		calls, closed := l.intake.take()
		if closed {
			return
		}
		if len(calls) > 0 {
			w.store(calls)
		}
	}
}

// writer is the goroutine that appends.
type writer struct {
	*Log
	b     *chunk.Builder
	to    int                   // the stream that took the last chunk
	fresh map[ident.Hash]uint64 // ids of this chunk
}

// store makes one chunk of calls.
func (w *writer) store(calls []*call) {
	start := time.Now()
	e, data, err := w.build(calls)
	if full(err) && w.makeRoom() {
		for _, c := range calls {
			c.out = queue.Appended{}
		}
		e, data, err = w.build(calls)
	}
	for _, c := range calls {
		close(c.read)
	}
	if err == nil && len(e.recs) > 0 {
		if err = w.publish(e, data); full(err) && w.makeRoom() {
			err = w.publish(e, data)
		}
	}
	w.mu.Lock()
	w.count.appended(calls, err, time.Since(start))
	w.mu.Unlock()
	for _, c := range calls {
		if c.err = err; err != nil {
			c.out = queue.Appended{}
		}
		close(c.done)
	}
}

func full(err error) bool {
	return errors.As(err, new(*queue.FullError))
}

// makeRoom removes what is settled and not removed yet.
func (w *writer) makeRoom() bool {
	ctx, cancel := context.WithTimeout(w.ctx, w.o.Hop)
	defer cancel()
	return w.trimOnce(ctx) == nil
}

// build encodes what is new of calls, and says for each call what it is.
func (w *writer) build(calls []*call) (*entry, []byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused != nil {
		return nil, nil, fmt.Errorf("%w: %w", errUnavailable, w.refused)
	}
	e := newEntry(0, 0, nextChunk(w.view.last), 0)
	w.b.Start(e.at)
	w.fresh = make(map[ident.Hash]uint64)
	for _, c := range calls {
		for i := range c.entries {
			w.add(e, &c.entries[i], &c.out)
		}
	}
	if len(e.recs) == 0 {
		return e, nil, nil
	}
	data, _, err := w.b.Finish(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if e.size = len(data); len(data) > minPayload-4096 {
		return nil, nil, fmt.Errorf("a request of %d bytes, compressed: %w", len(data), queue.ErrInvalid)
	}
	if w.view.bytes+int64(len(data)) > w.o.MaxSize {
		return nil, nil, &queue.FullError{RetryAfter: retryAfter, Reason: "max_size"}
	}
	return e, data, nil
}

// print gives the fingerprint of a known id. The caller holds w.mu.
func (w *writer) print(h ident.Hash) (uint64, bool) {
	if p, ok := w.fresh[h]; ok {
		return p, true
	}
	k, ok := w.view.known[h]
	return k.print, ok
}

func (w *writer) add(e *entry, in *queue.Entry, out *queue.Appended) {
	h := ident.HashOf(nil, &w.view.secret, in)
	lanes, flags := in.Lanes, in.Flags
	print, known := w.print(h)
	differs := known && ident.Differ(print, in.Print)
	switch {
	case differs && in.Space == queue.ByID:
		h = ident.HashContent(&w.view.secret, in.Store, in.ID, in.Print)
		if _, kept := w.print(h); kept {
			out.Duplicates++
			return
		}
		lanes, flags = queue.ConflictLanes(lanes), flags|queue.FlagIDConflict
		out.Conflicts++
	case known:
		out.Duplicates++
		if differs && in.Space == queue.BySale {
			out.Changed++
		}
		return
	default:
		out.Stored++
	}
	lanes = slices.Compact(slices.Sorted(slices.Values(lanes)))
	w.fresh[h] = in.Print
	e.add(h, in.Print, lanes, in.Body, in.Received.UnixMilli())
	w.b.Add(&chunk.Item{
		Hash: h, Print: in.Print, Lanes: lanes, SetKey: chunk.SetKey(lanes), Had: in.Had, Recipe: in.Recipe, Store: in.Store,
		Received: in.Received.UnixMilli(), Flags: flags, ID: in.ID, Body: in.Body,
	})
}

// nextChunk numbers a chunk: seconds << 32 | 65,536ths << 16, and above every number
// seen so far.
func nextChunk(last queue.Seq) queue.Seq {
	now := time.Now()
	at := queue.Seq(now.Unix())<<32 | queue.Seq(now.Nanosecond()*(1<<16)/1e9)<<16
	return max(at, last&^(1<<16-1)+1<<16)
}

// publish stores a chunk in the stream that took the last one, or in the next that
// does. The chunk keeps its id: a stream stores it once.
func (w *writer) publish(e *entry, data []byte) error {
	start := time.Now()
	var id [12]byte
	rand.Read(id[:])
	ctx, cancel := context.WithTimeout(w.ctx, w.o.AppendTimeout)
	defer cancel()
	type result struct {
		stream int
		conn   uint32
		ack
		err error
	}
	results := make(chan result, 4096)
	doubt := 0               // tries that have not ended
	var noRoom [streams]bool // each said so to this chunk
	var last error
	for try := 0; try < cap(results); try++ {
		to := (w.to + try) % streams
		c, conn := w.servers.at(try)
		doubt++
		go func() {
			m := &nats.Msg{Subject: fmt.Sprintf("%s.ev.%d", w.o.Name, to), Header: nats.Header{nats.MsgIdHdr: {hex.EncodeToString(id[:])}}, Data: data}
			answer, err := c.RequestMsgWithContext(ctx, m)
			r := result{stream: to, conn: conn, err: err}
			if err == nil {
				r.ack, r.err = readAck(answer)
			}
			results <- r
		}()
		hop := time.NewTimer(w.o.Hop)
		select {
		case r := <-results:
			hop.Stop()
			if r.err == nil {
				w.to = r.stream
				w.servers.good.Store(r.conn)
				e.stream, e.seq, e.data = r.stream, r.Seq, data
				w.stored(e, start)
				return nil
			}
			last = r.err
			if is(r.err, errStreamStore) {
				doubt--
				noRoom[r.stream] = true
			} else if errors.Is(r.err, nats.ErrNoResponders) {
				doubt--
			}
			if doubt == 0 && noRoom == [streams]bool{true, true, true} {
				return &queue.FullError{RetryAfter: retryAfter, Reason: "max_size"}
			}
			if try%streams == streams-1 && !sleep(ctx, 20*time.Millisecond) {
				return fmt.Errorf("%w: %w", errStalled, last)
			}
		case <-hop.C:
		case <-ctx.Done():
			hop.Stop()
			return errors.Join(errStalled, last)
		}
	}
	return errors.Join(errStalled, last)
}

// stored makes a chunk known that was confirmed.
func (w *writer) stored(e *entry, begun time.Time) {
	w.mu.Lock()
	_, known := w.view.at[e.place]
	if p := w.view.passed[e.stream]; !known && e.seq >= p.from && e.seq < p.to && begun.Before(p.at) {
		w.mu.Unlock()
		return // it was delivered and removed before this process was told that it is stored
	}
	w.view.keepFresh(e)
	clash := !w.view.admit(e) || !known && e.seq < w.view.seen[e.stream]
	gap := e.seq != w.view.seen[e.stream]
	if !gap {
		w.view.reach(e.stream, e.seq+1)
	}
	w.mu.Unlock()
	if clash {
		w.prove()
	}
	if gap {
		poke(w.wake)
	}
	c, _ := w.servers.at(0)
	c.Publish(w.o.Name+".hint", nil) //nolint:errcheck // who is not told looks once a second
}
