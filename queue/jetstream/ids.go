package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// idLocation is where the record with an id is stored; entry is nil if its chunk was removed.
type idLocation struct {
	entry       *entry
	fingerprint uint64
	index       uint32
}

type expiringID struct {
	hash  ident.Hash
	until time.Time
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
