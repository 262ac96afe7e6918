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

// trimLoop removes messages that every lane has settled. Their ids are stored first, for the
// window.
func (l *Log) trimLoop() {
	every := time.NewTicker(10 * time.Second)
	defer every.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.trimmable:
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		if err := l.trim(ctx); err != nil && l.ctx.Err() == nil {
			l.options.Logger.Debug("settled messages cannot be removed yet", "code", logs.ServersSlow, "err", err)
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

func (l *Log) trim(ctx context.Context) error {
	l.trimming.Lock()
	defer l.trimming.Unlock()
	var first [allStreams]uint64 // lowest sequence number that must stay
	var gone []*entry
	l.mu.Lock()
	first = l.view.readTo
	for _, e := range l.view.entries {
		if e.unsettledLanes > 0 {
			first[e.stream] = min(first[e.stream], e.seq)
		} else if len(gone) < 2000 {
			gone = append(gone, e)
		}
	}
	for _, e := range l.view.entries { // finished entries beyond the limit wait for the next trim
		if e.unsettledLanes == 0 && len(gone) == 2000 {
			first[e.stream] = min(first[e.stream], e.seq)
		}
	}
	if len(gone) == 2000 {
		signal(l.trimmable)
		for _, e := range gone {
			first[e.stream] = min(first[e.stream], e.seq)
		}
	}
	ids := [2][]byte{}
	for _, e := range gone {
		for i := range e.records {
			r := &e.records[i]
			if l.view.ids[r.hash].entry != e {
				continue
			}
			k := 0
			if r.hash.Sale() {
				k = 1
			}
			ids[k] = chunk.AppendID(ids[k], r.hash, r.fingerprint)
		}
	}
	l.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	if err := l.verifyStreams(ctx, streams); err != nil { // otherwise the numbers might belong to other messages
		return err
	}
	for k, window := range []time.Duration{l.options.DedupWindow, l.options.SaleWindow} {
		if err := l.storeIDs(ctx, ids[k], window); err != nil {
			return err
		}
	}
	var purged [streams]bool
	for _, e := range gone {
		if e.seq < first[e.stream] {
			purged[e.stream] = true
			continue
		}
		if err := l.servers.api(ctx, "STREAM.MSG.DELETE."+l.eventStream(e.stream), map[string]any{"seq": e.seq, "no_erase": true}, nil); err != nil && !hasCode(err, codeNoMessage) && !hasCode(err, codeNotDeleted) {
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

// forget removes an entry whose message was removed; its ids stay known.
func (l *Log) forget(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range e.records {
		if r := &e.records[i]; l.view.ids[r.hash].entry == e {
			l.view.rememberID(r.hash, r.fingerprint, l.window(r.hash))
		}
	}
	l.view.remove(e)
}

func (l *Log) window(h ident.Hash) time.Duration {
	if h.Sale() {
		return l.options.SaleWindow
	}
	return l.options.DedupWindow
}

func (v *view) rememberID(h ident.Hash, print uint64, window time.Duration) {
	v.ids[h] = idLocation{fingerprint: print}
	g := expiringID{h, time.Now().Add(window)}
	if h.Sale() {
		v.expiringSales = append(v.expiringSales, g)
	} else {
		v.expiring = append(v.expiring, g)
	}
}

// expire removes ids whose window has ended.
func (v *view) expire(now time.Time) {
	for _, list := range []*[]expiringID{&v.expiring, &v.expiringSales} {
		for len(*list) > 0 && (*list)[0].until.Before(now) {
			if h := (*list)[0].hash; v.ids[h].entry == nil {
				delete(v.ids, h)
			}
			*list = (*list)[1:]
		}
	}
}

// storeIDs stores hashes of ids for a window. Storing them twice is harmless.
func (l *Log) storeIDs(ctx context.Context, rows []byte, window time.Duration) error {
	for len(rows) > 0 {
		n := min(len(rows), 20_000*chunk.IDLen)
		data, err := l.ring.Seal(nil, "ids", 0, nil, rows[:n])
		if err != nil {
			return fmt.Errorf("seal ids: %w", err)
		}
		if _, err := l.servers.publish(ctx, &nats.Msg{
			Subject: l.options.Name + ".ids", Data: data, Header: nats.Header{"Nats-TTL": {strconv.Itoa(max(1, int(window.Seconds())))}},
		}); err != nil {
			return fmt.Errorf("store ids: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}

// readIDs reads the hashes of ids whose chunks were removed.
func (l *Log) readIDs(ctx context.Context, v *view) error {
	next, err := l.servers.tail(ctx, l.idStream(), l.readToOf(v, idsAt), func(m message) error {
		rows, err := l.ring.Open("ids", 0, nil, m.data)
		if err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for ; len(rows) >= chunk.IDLen; rows = rows[chunk.IDLen:] {
			h := ident.Hash(rows[:16])
			if _, known := v.ids[h]; known {
				continue
			}
			v.rememberID(h, le.Uint64(rows[16:]), l.window(h))
		}
		return nil
	})
	l.setReadTo(v, idsAt, next)
	return err
}
