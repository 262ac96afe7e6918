package ingest

import (
	"context"
	"sync"
	"time"
)

// sharedTimeout returns contexts with a timeout. Requests that arrive within a sixteenth of the
// timeout share one context, since a timer for each costs as much as reading the request. A
// context therefore lasts up to a sixteenth longer.
type sharedTimeout struct {
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // shared by all requests until renew
	renew time.Time
}

func (p *sharedTimeout) context(limit time.Duration) context.Context {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !now.Before(p.renew) {
		ctx, cancel := context.WithTimeout(context.Background(), limit+limit/16)
		context.AfterFunc(ctx, cancel)
		p.ctx, p.renew = ctx, now.Add(limit/16)
	}
	return p.ctx
}
