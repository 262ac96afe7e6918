package replicas

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"relay/relay/internal/api"
	"relay/relay/internal/metrics"
)

// Outcomes are sent to the others in batches while one of them has a watcher. Of many, only
// the first are sent, with the number of the rest.
const (
	tailEvery = 250 * time.Millisecond
	tailMost  = 200
)

type outcomes struct {
	All    []api.Outcome
	Missed int
}

// share starts or stops sending outcomes to the others.
func (g *Group) share(ctx context.Context, wg *sync.WaitGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	watched := false
	for _, o := range g.known() {
		watched = watched || o.beat.Watched && time.Since(o.at) < beatOld
	}
	switch {
	case watched && g.sharing == nil:
		w := g.o.Tail.WatchOwn()
		g.sharing = w
		wg.Go(func() { g.shareOutcomes(ctx, w) })
	case !watched && g.sharing != nil:
		g.o.Tail.Leave(g.sharing)
		close(g.sharing.C)
		g.sharing = nil
	}
}

// shareOutcomes sends the others what w receives, until w is closed or ctx ends.
func (g *Group) shareOutcomes(ctx context.Context, w *metrics.Watcher) {
	every := time.NewTicker(tailEvery)
	defer every.Stop()
	var some outcomes
	for {
		select {
		case <-ctx.Done():
			return
		case o, ok := <-w.C:
			if !ok {
				return
			}
			if len(some.All) >= tailMost {
				some.Missed++
				continue
			}
			some.All = append(some.All, o)
		case <-every.C:
			if some.Missed += w.Missed(); len(some.All) == 0 && some.Missed == 0 {
				continue
			}
			if data, err := json.Marshal(some); err == nil {
				_ = g.o.Bus.Broadcast("tail", data) // lost outcomes are not shown
			}
			some = outcomes{}
		}
	}
}

// receiveTail passes the outcomes of another relay to the watchers of this one.
func (g *Group) receiveTail(_ string, data []byte) {
	var some outcomes
	if json.Unmarshal(data, &some) != nil {
		return // from another version
	}
	for _, o := range some.All {
		g.o.Tail.Pass(o)
	}
	g.o.Tail.PassMissed(some.Missed)
}
