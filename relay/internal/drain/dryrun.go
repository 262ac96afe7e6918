package drain

import (
	"context"
	"maps"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/batch"
)

// dryRun is the progress of a lane in graph.dry_run: a position of its own, since the
// lane's cursor does not move.
type dryRun struct {
	digest string
	cursor queue.Seq // the lane's cursor at the start
	from   queue.Seq // 0: from the start
	counts map[string]int64
}

// dryRun maps a batch and counts the outcomes: "send" and the lane's other counts. It starts
// over with each mapping.
func (l *lane) dryRun(ctx context.Context) {
	set, m := l.settings(), l.s.o.Mapping()
	st, _ := l.s.o.Log.Lane(l.name)
	if l.dry.counts == nil || l.dry.digest != m.Digest() || l.dry.cursor != st.Cursor {
		l.dry = dryRun{digest: m.Digest(), cursor: st.Cursor, counts: map[string]int64{}}
	}
	found, ok := l.readOrWait(ctx, l.dry.from, set.MaxEvents, set.MaxBytes, DryRun)
	if !ok {
		return
	}
	b := batch.Make(l.name, found, l.recipe(), l.limits(), batch.Decisions{})
	counts := maps.Clone(l.dry.counts)
	counts["send"] += int64(len(b.Items))
	for k, n := range b.Counts {
		counts[k] += int64(n)
	}
	for i := range b.Holds {
		counts["dead:"+b.Holds[i].Reason]++
	}
	l.dry.counts, l.dry.from = counts, found.Next
	l.show(DryRun, time.Time{})
	l.log.Info("dry run: nothing is sent", "code", logs.DryRunCounted, "events", len(found.Records), "would_send", len(b.Items), "would_hold", len(b.Holds))
}
