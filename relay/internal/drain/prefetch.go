package drain

import (
	"context"
	"time"

	"relay/relay/internal/drain/batch"
)

// prefetch begins to read and map the batch behind the one at hand while that
// is on its way; one at most. Nothing of it is settled or sent before its turn.
func (l *lane) prefetch() {
	b := l.work
	if l.pre != nil || !b.More || b.Requests() > 1 {
		return
	}
	set := l.settings()
	ch := make(chan *batch.Batch, 1)
	st, _ := l.s.o.Log.Lane(l.name)
	l.pre, l.preFrom, l.preVoid = ch, b.Next, st.Void
	from, how, most := b.Next, l.recipe(), l.limits()
	l.s.background.Go(func() {
		defer close(ch)
		found, err := l.s.o.Log.Read(l.name, from, set.MaxEvents, set.MaxBytes)
		if err != nil || len(found.Records) == 0 || !full(found, set) {
			return // read again when its turn comes
		}
		ch <- l.make(found, how, most, nil)
	})
}

// takePrefetch is the batch made beforehand, if there is one and it is the
// next one and still right.
func (l *lane) takePrefetch(ctx context.Context) *batch.Batch {
	if l.pre == nil {
		return nil
	}
	var b *batch.Batch
	select {
	case b = <-l.pre:
	case <-ctx.Done():
		return nil
	}
	l.pre = nil
	if st, _ := l.s.o.Log.Lane(l.name); b == nil || l.preFrom != l.last || st.Void != l.preVoid ||
		b.How.Mapping.Digest() != l.s.o.Mapping().Digest() || time.Since(b.How.Made) > maxStale {
		return nil
	} // refresh looks at the rest
	return b
}

// dropPrefetch forgets it; the goroutine ends by itself and is waited for by
// the supervisor.
func (l *lane) dropPrefetch() { l.pre = nil }
