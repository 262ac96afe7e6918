package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// writeLoop makes chunks of the waiting calls. With one chunk in flight, chunks are largest and the
// cost per record lowest; another one is sent only while enough is waiting to fill it.
func (l *Log) writeLoop() {
	w := &writer{Log: l, builder: chunk.NewBuilder(l.codec, l.ring)}
	for range l.intake.more {
		w.gather()
		calls, closed := l.intake.take()
		if closed {
			return
		}
		if len(calls) > 0 {
			w.launch(calls)
		}
		for again := false; len(w.inFlight) > 0; {
			if len(w.inFlight) < maxInFlight && l.intake.fillsChunk() {
				if calls, _ := l.intake.take(); len(calls) > 0 {
					w.launch(calls)
				}
			}
			select {
			case err := <-w.inFlight[0].stored:
				w.finishOldest(err)
			case <-l.intake.more:
				again = true
			}
			if again && len(w.inFlight) == 0 {
				signal(l.intake.more)
			}
		}
	}
}

// writer is the goroutine that appends.
type writer struct {
	*Log
	builder    *chunk.Builder
	stream     atomic.Int32     // the stream that stored the last chunk
	inFlight   []*chunkInFlight // oldest first
	lastNumber queue.Seq        // of the last chunk

	expectedCalls int           // calls present when the last chunk was stored
	lastDuration  time.Duration // time it took to store the last chunk
}

// chunkInFlight is a chunk being published.
type chunkInFlight struct {
	calls            []*call
	entry            *entry
	data             []byte
	ids              map[ident.Hash]uint64 // ids and fingerprints of its records
	dependsOnEarlier bool                  // a duplicate was skipped because an earlier chunk in flight has it
	start            time.Time
	stored           chan error
}

// gather waits for callers that were just answered and may call again at once: if each chunk held
// only half of the callers, there would be twice as many chunks. It waits at most an eighth of the
// time that a chunk takes.
func (w *writer) gather() {
	late := time.NewTimer(min(w.lastDuration/8, maxGather))
	defer late.Stop()
	for !w.intake.ready(w.expectedCalls) {
		select {
		case <-w.intake.more:
		case <-late.C:
			return
		}
	}
}

// launch makes a chunk of calls and starts publishing it.
func (w *writer) launch(calls []*call) {
	f, err := w.build(calls)
	if isFull(err) && w.makeRoom() {
		f, err = w.build(calls)
	}
	for _, c := range calls {
		close(c.read)
	}
	w.inFlight = append(w.inFlight, f)
	if err != nil || len(f.entry.records) == 0 {
		f.stored <- err
		return
	}
	go func() {
		err := w.publish(f)
		if isFull(err) && w.makeRoom() {
			err = w.publish(f)
		}
		f.stored <- err
	}()
}

// finishOldest completes the oldest chunk in flight: results are reported in order.
func (w *writer) finishOldest(err error) {
	f := w.inFlight[0]
	w.inFlight = w.inFlight[1:]
	w.lastDuration, w.expectedCalls = time.Since(f.start), len(f.calls)+w.intake.waitingCalls()
	sent := err == nil
	if sent {
		err = f.calls[0].err
	}
	for _, later := range w.inFlight {
		w.expectedCalls += len(later.calls)
		if err != nil && later.dependsOnEarlier {
			later.calls[0].err = errStalled // the result for all its calls: the records they depend on may or may not be stored
		}
	}
	if sent && len(f.entry.records) > 0 {
		w.addStored(f.entry, f.start)
	}
	w.mu.Lock()
	w.counters.appended(f.calls, err, w.lastDuration)
	w.mu.Unlock()
	for _, c := range f.calls {
		if c.err = err; err != nil {
			c.out = queue.Appended{}
		}
		close(c.done)
	}
}

// publish stores a chunk in the stream that took the last one, or in the next stream that accepts
// it. The chunk keeps its message id, so each stream stores it at most once.
func (w *writer) publish(f *chunkInFlight) error {
	var id [12]byte
	rand.Read(id[:])
	ctx, cancel := context.WithTimeout(w.ctx, w.options.AppendTimeout)
	defer cancel()
	type result struct {
		stream int
		conn   uint32
		ack
		err error
	}
	results := make(chan result, 4096)
	open := 0                // attempts without a result
	var noRoom [streams]bool // streams that refused this chunk for lack of room
	var last error
	for try := 0; try < cap(results); try++ {
		to := (int(w.stream.Load()) + try) % streams
		c, conn := w.servers.nth(try)
		if lead := w.leaders[to].Load(); try < streams && lead != nil { // directly, so that it need not be forwarded
			c, conn = w.servers.byName(*lead, try)
		}
		open++
		go func() {
			m := &nats.Msg{Subject: fmt.Sprintf("%s.ev.%d", w.options.Name, to), Header: nats.Header{nats.MsgIdHdr: {hex.EncodeToString(id[:])}}, Data: f.data}
			answer, err := c.RequestMsgWithContext(ctx, m)
			r := result{stream: to, conn: conn, err: err}
			if err == nil {
				r.ack, r.err = readAck(answer)
			}
			results <- r
		}()
		hop := time.NewTimer(w.options.Hop)
		select {
		case r := <-results:
			hop.Stop()
			if r.err == nil {
				w.stream.Store(int32(r.stream))
				w.servers.lastGood.Store(r.conn)
				f.entry.stream, f.entry.seq, f.entry.data = r.stream, r.Seq, f.data
				return nil
			}
			last = r.err
			if hasCode(r.err, codeStreamStore) {
				open--
				noRoom[r.stream] = true
			} else if errors.Is(r.err, nats.ErrNoResponders) {
				open--
			}
			if open == 0 && noRoom == [streams]bool{true, true, true} {
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

// addStored adds a confirmed chunk to the view.
func (w *writer) addStored(e *entry, begun time.Time) {
	w.mu.Lock()
	_, known := w.view.entries[e.place]
	if p := w.view.skipped[e.stream]; !known && e.seq >= p.from && e.seq < p.to && begun.Before(p.seenAt) {
		w.mu.Unlock()
		return // it was drained and removed before this process learned that it was stored
	}
	w.view.cache(e)
	clash := !w.view.admit(e) || !known && e.seq < w.view.readTo[e.stream]
	gap := e.seq != w.view.readTo[e.stream]
	if !gap {
		w.view.advance(e.stream, e.seq+1)
	}
	w.mu.Unlock()
	if clash {
		w.reportReuse()
	}
	if gap {
		signal(w.moreEvents)
	}
	c, _ := w.servers.nth(0)
	hint := &nats.Msg{Subject: w.options.Name + ".hint", Header: nats.Header{headerProcess: {w.processID}}, Data: []byte{byte(e.stream)}}
	c.PublishMsg(hint) //nolint:errcheck // the others also look once a second
}
