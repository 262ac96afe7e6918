package jetstream

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/queue/internal/chunk"
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

const (
	maxTrim   = 2000                   // chunks that one trim removes
	trimEvery = 200 * time.Millisecond // the shortest time between two trims
)

// trimPlan is what one trim removes.
type trimPlan struct {
	entries []*entry
	first   [allStreams]uint64 // per stream: everything before it can be purged at once
	ids     [2][]byte          // rows of ids to remember: those of clients and relay, and those of sales
	more    bool               // there are more finished entries than one trim removes
}

// planTrim plans a trim of at most limit entries. Invariant: before first lies no message that is not in
// entries, or that this process has not read.
func (v *view) planTrim(limit int) (p trimPlan) {
	p.first = v.readTo
	for _, e := range v.entries {
		if e.unsettledLanes == 0 && len(p.entries) < limit {
			p.entries = append(p.entries, e)
			continue
		}
		p.first[e.stream] = min(p.first[e.stream], e.seq)
		p.more = p.more || e.unsettledLanes == 0
	}
	for _, e := range p.entries {
		for i := range e.records {
			r := &e.records[i]
			if v.ids[r.hash].entry != e {
				continue
			}
			k := 0
			if r.hash.Sale() {
				k = 1
			}
			p.ids[k] = chunk.AppendID(p.ids[k], r.hash, r.fingerprint)
		}
	}
	return p
}

// trim removes the messages of finished entries from their streams, after storing their ids.
func (l *Log) trim(ctx context.Context) error {
	l.trimming.Lock()
	defer l.trimming.Unlock()
	l.mu.Lock()
	plan := l.view.planTrim(maxTrim)
	l.mu.Unlock()
	if len(plan.entries) == 0 {
		return nil
	}
	if plan.more {
		signal(l.trimmable)
	}
	if err := l.verifyStreams(ctx, streams); err != nil { // otherwise the numbers might belong to other messages
		return err
	}
	for k, window := range []time.Duration{l.options.DedupWindow, l.options.SaleWindow} {
		if err := l.storeIDs(ctx, plan.ids[k], window); err != nil {
			return err
		}
	}
	var purge [streams]bool
	for _, e := range plan.entries {
		if e.seq < plan.first[e.stream] {
			purge[e.stream] = true
			continue
		}
		if err := l.servers.api(ctx, "STREAM.MSG.DELETE."+l.eventStream(e.stream), map[string]any{"seq": e.seq, "no_erase": true}, nil); err != nil && !hasCode(err, codeNoMessage) && !hasCode(err, codeNotDeleted) {
			return err
		}
		l.forget(e)
	}
	for i, ok := range purge {
		if !ok {
			continue
		}
		if err := l.servers.api(ctx, "STREAM.PURGE."+l.eventStream(i), map[string]any{"seq": plan.first[i]}, nil); err != nil {
			return err
		}
		for _, e := range plan.entries {
			if e.stream == i && e.seq < plan.first[i] {
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
