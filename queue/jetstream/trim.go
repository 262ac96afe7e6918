package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"relay/internal/logs"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// trim removes the messages of which no lane wants anything more: first their ids
// are stored, for the window, then they go.
func (l *Log) trim() {
	every := time.NewTicker(10 * time.Second)
	defer every.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.done:
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		if err := l.trimOnce(ctx); err != nil && l.ctx.Err() == nil {
			l.o.Logger.Debug("what is settled cannot be removed yet", "code", logs.ServersSlow, "err", err)
		}
		cancel()
		l.mu.Lock()
		l.view.expire(time.Now())
		l.mu.Unlock()
		if !sleep(l.ctx, trimEvery) {
			return
		}
	}
}

func (l *Log) trimOnce(ctx context.Context) error {
	l.trimming.Lock()
	defer l.trimming.Unlock()
	var first [streams]uint64 // that must stay
	var gone []*entry
	l.mu.Lock()
	first = l.view.seen
	for _, e := range l.view.at {
		if e.open > 0 {
			first[e.stream] = min(first[e.stream], e.seq)
		} else if len(gone) < 2000 {
			gone = append(gone, e)
		}
	}
	for _, e := range l.view.at { // of those that are finished, some wait for the next look
		if e.open == 0 && len(gone) == 2000 {
			first[e.stream] = min(first[e.stream], e.seq)
		}
	}
	if len(gone) == 2000 {
		poke(l.done)
		for _, e := range gone {
			first[e.stream] = min(first[e.stream], e.seq)
		}
	}
	ids := [2][]byte{}
	for _, e := range gone {
		for i := range e.recs {
			r := &e.recs[i]
			if l.view.known[r.hash].e != e {
				continue
			}
			k := 0
			if r.hash.Sale() {
				k = 1
			}
			ids[k] = chunk.AppendID(ids[k], r.hash, r.print)
		}
	}
	l.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	if err := l.sameStreams(ctx, streams); err != nil { // else the numbers are those of other messages
		return err
	}
	for k, window := range []time.Duration{l.o.DedupWindow, l.o.SaleWindow} {
		if err := l.putIDs(ctx, ids[k], window); err != nil {
			return err
		}
	}
	var purged [streams]bool
	for _, e := range gone {
		if e.seq < first[e.stream] {
			purged[e.stream] = true
			continue
		}
		if err := l.servers.api(ctx, "STREAM.MSG.DELETE."+l.eventStream(e.stream), map[string]any{"seq": e.seq, "no_erase": true}, nil); err != nil && !is(err, errNoMessage) && !is(err, errNotDeleted) {
			return err
		}
		l.forget(e)
	}
	for i, ok := range purged {
		if !ok {
			continue
		}
		if err := l.servers.api(ctx, "STREAM.PURGE."+l.eventStream(i), map[string]any{"seq": first[i]}, nil); err != nil {
			return err
		}
		for _, e := range gone {
			if e.stream == i && e.seq < first[i] {
				l.forget(e)
			}
		}
	}
	return nil
}

// forget removes an entry whose message is gone; its ids stay known.
func (l *Log) forget(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range e.recs {
		if r := &e.recs[i]; l.view.known[r.hash].e == e {
			l.view.keepGone(r.hash, r.print, l.window(r.hash))
		}
	}
	l.view.remove(e)
}

func (l *Log) window(h ident.Hash) time.Duration {
	if h.Sale() {
		return l.o.SaleWindow
	}
	return l.o.DedupWindow
}

func (v *view) keepGone(h ident.Hash, print uint64, window time.Duration) {
	v.known[h] = known{print: print}
	g := goneID{h, time.Now().Add(window)}
	if h.Sale() {
		v.sales = append(v.sales, g)
	} else {
		v.gone = append(v.gone, g)
	}
}

// expire forgets ids whose window is over.
func (v *view) expire(now time.Time) {
	for _, list := range []*[]goneID{&v.gone, &v.sales} {
		for len(*list) > 0 && (*list)[0].until.Before(now) {
			if h := (*list)[0].hash; v.known[h].e == nil {
				delete(v.known, h)
			}
			*list = (*list)[1:]
		}
	}
}

// putIDs stores names of ids for a window. Stored twice they do no harm.
func (l *Log) putIDs(ctx context.Context, rows []byte, window time.Duration) error {
	for len(rows) > 0 {
		n := min(len(rows), 20_000*chunk.IDLen)
		data, err := l.ring.Seal(nil, "ids", 0, nil, rows[:n])
		if err != nil {
			return fmt.Errorf("seal ids: %w", err)
		}
		if _, err := l.servers.publish(ctx, &nats.Msg{
			Subject: l.o.Name + ".ids", Data: data, Header: nats.Header{"Nats-TTL": {strconv.Itoa(max(1, int(window.Seconds())))}},
		}); err != nil {
			return fmt.Errorf("store ids: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}

// readIDs reads the names of ids whose chunks are gone.
func (l *Log) readIDs(ctx context.Context, v *view) error {
	next, err := l.servers.tail(ctx, l.idStream(), l.tailOf(v, idsAt), func(m message) error {
		rows, err := l.ring.Open("ids", 0, nil, m.data)
		if err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for ; len(rows) >= chunk.IDLen; rows = rows[chunk.IDLen:] {
			h := ident.Hash(rows[:16])
			if _, known := v.known[h]; known {
				continue
			}
			v.keepGone(h, le.Uint64(rows[16:]), l.window(h))
		}
		return nil
	})
	l.reached(v, idsAt, next)
	return err
}
