package ingest

import (
	"context"
	"sync/atomic"
)

// gate counts the requests inside. Once closed it lets no more in.
type gate struct {
	inside atomic.Int64
	closed atomic.Bool
	empty  chan struct{} // capacity 1: a hint to check inside again
}

func newGate() *gate { return &gate{empty: make(chan struct{}, 1)} }

// enter reports whether the caller may enter. If so, the caller must call leave.
func (g *gate) enter() bool {
	g.inside.Add(1)
	if g.closed.Load() {
		g.leave()
		return false
	}
	return true
}

func (g *gate) leave() {
	if g.inside.Add(-1) == 0 && g.closed.Load() {
		select {
		case g.empty <- struct{}{}:
		default:
		}
	}
}

// close closes the gate and waits until no request is inside.
func (g *gate) close(ctx context.Context) error {
	g.closed.Store(true)
	for g.inside.Load() > 0 {
		select {
		case <-g.empty:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
