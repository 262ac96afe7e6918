package ingest

import (
	"context"
	"sync"
	"time"
)

// patience gives contexts that end after a time, or up to a sixteenth later: requests that
// come about then share one, since a timer for each costs as much as reading it.
type patience struct {
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // of no call: of all that come until fresh
	fresh time.Time
}

func (p *patience) context(limit time.Duration) context.Context {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !now.Before(p.fresh) {
		ctx, cancel := context.WithTimeout(context.Background(), limit+limit/16)
		context.AfterFunc(ctx, cancel)
		p.ctx, p.fresh = ctx, now.Add(limit/16)
	}
	return p.ctx
}
