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

// write makes chunks of what waits. One on its way makes the largest chunks, which is what
// costs least; another one goes while enough waits to fill it.
func (l *Log) write() {
	w := &writer{Log: l, b: chunk.NewBuilder(l.codec, l.ring)}
	for range l.intake.more {
		w.gather()
		calls, closed := l.intake.take()
		if closed {
			return
		}
		if len(calls) > 0 {
			w.launch(calls)
		}
		for again := false; len(w.flying) > 0; {
			if len(w.flying) < mostFlying && l.intake.fills() {
				if calls, _ := l.intake.take(); len(calls) > 0 {
					w.launch(calls)
				}
			}
			select {
			case err := <-w.flying[0].stored:
				w.land(err)
			case <-l.intake.more:
				again = true
			}
			if again && len(w.flying) == 0 {
				poke(l.intake.more)
			}
		}
	}
}

// writer is the goroutine that appends.
type writer struct {
	*Log
	b      *chunk.Builder
	to     atomic.Int32 // the stream that took the last chunk
	flying []*flight    // on their way, the oldest first
	number queue.Seq    // of the last chunk

	callers int           // that were there when the last chunk was stored
	took    time.Duration // to store it
}

// flight is a chunk on its way.
type flight struct {
	calls  []*call
	e      *entry
	data   []byte
	fresh  map[ident.Hash]uint64 // its ids
	leans  bool                  // something is not stored again because a chunk before has it
	start  time.Time
	stored chan error
}

// gather waits for whoever was answered a moment ago and may come again at once: with half
// of the callers in each chunk there are twice as many. It waits for an eighth of what a
// chunk takes, at most.
func (w *writer) gather() {
	late := time.NewTimer(min(w.took/8, maxGather))
	defer late.Stop()
	for !w.intake.has(w.callers) {
		select {
		case <-w.intake.more:
		case <-late.C:
			return
		}
	}
}

// launch makes a chunk of calls and sends it on its way.
func (w *writer) launch(calls []*call) {
	f, err := w.build(calls)
	if full(err) && w.makeRoom() {
		f, err = w.build(calls)
	}
	for _, c := range calls {
		close(c.read)
	}
	w.flying = append(w.flying, f)
	if err != nil || len(f.e.recs) == 0 {
		f.stored <- err
		return
	}
	go func() {
		err := w.publish(f)
		if full(err) && w.makeRoom() {
			err = w.publish(f)
		}
		f.stored <- err
	}()
}

// land ends the oldest flight: what became of a chunk is told after that of all before.
func (w *writer) land(err error) {
	f := w.flying[0]
	w.flying = w.flying[1:]
	w.took, w.callers = time.Since(f.start), len(f.calls)+w.intake.callers()
	sent := err == nil
	if sent {
		err = f.calls[0].err
	}
	for _, later := range w.flying {
		w.callers += len(later.calls)
		if err != nil && later.leans {
			later.calls[0].err = errStalled // of all its calls: what they lean on may be stored, or not
		}
	}
	if sent && len(f.e.recs) > 0 {
		w.stored(f.e, f.start)
	}
	w.mu.Lock()
	w.count.appended(f.calls, err, w.took)
	w.mu.Unlock()
	for _, c := range f.calls {
		if c.err = err; err != nil {
			c.out = queue.Appended{}
		}
		close(c.done)
	}
}

// publish stores a chunk in the stream that took the last one, or in the next that
// does. The chunk keeps its id: a stream stores it once.
func (w *writer) publish(f *flight) error {
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
		to := (int(w.to.Load()) + try) % streams
		c, conn := w.servers.at(try)
		if lead := w.leads[to].Load(); try < streams && lead != nil { // it need not be passed on
			c, conn = w.servers.named(*lead, try)
		}
		doubt++
		go func() {
			m := &nats.Msg{Subject: fmt.Sprintf("%s.ev.%d", w.o.Name, to), Header: nats.Header{nats.MsgIdHdr: {hex.EncodeToString(id[:])}}, Data: f.data}
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
				w.to.Store(int32(r.stream))
				w.servers.good.Store(r.conn)
				f.e.stream, f.e.seq, f.e.data = r.stream, r.Seq, f.data
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
	hint := &nats.Msg{Subject: w.o.Name + ".hint", Header: nats.Header{orderBy: {w.me}}, Data: []byte{byte(e.stream)}}
	c.PublishMsg(hint) //nolint:errcheck // who is not told looks once a second
}
