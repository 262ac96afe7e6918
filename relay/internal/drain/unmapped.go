package drain

import (
	"context"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/track"
)

// runUnmapped keeps events that no mapping has an entry for. A later mapping with an entry
// moves them to its event sets; after keep_unmapped they are settled and counted.
func (l *lane) runUnmapped(ctx context.Context) {
	tried, asked := "", queue.Seq(0)
	for ctx.Err() == nil {
		l.handleWakeups()
		changed := l.s.o.Log.Changed() // before reading, so that no append is missed
		if m := l.s.o.Mapping(); m != nil && !l.State.Manual {
			if m.Digest() != tried {
				if l.reroute(ctx, m) {
					tried, asked = m.Digest(), 0
				}
				continue
			}
			// An event can be stored with the routes of the previous mapping after this
			// one was applied to all events.
			known, ok := l.mappingKnows(ctx, m, &asked)
			if !ok {
				continue
			}
			if known {
				l.reroute(ctx, m)
				continue
			}
		}
		if l.State.Manual {
			l.show(ManuallyPaused, time.Time{})
			l.sleep(ctx, -1, nil)
			continue
		}
		if l.position != 0 {
			l.sleep(ctx, 0, nil)
			continue
		}
		wait, some, known := l.expireUnmapped(ctx)
		if known {
			asked = 0
			continue
		}
		if wait == 0 {
			continue
		}
		if some {
			l.show(Keeping, time.Time{})
		} else {
			l.show(Idle, time.Time{})
		}
		if !l.sleep(ctx, wait, changed) {
			l.sleep(ctx, unmappedInterval, nil) // read once for many appends
		}
	}
	l.flush()
}

// unmappedInterval is the least time between two reads of new unmapped events.
const unmappedInterval = time.Second

// mappingKnows reports whether the mapping has an entry for an event at or behind asked. It
// moves asked behind those without one.
func (l *lane) mappingKnows(ctx context.Context, m batch.Mapping, asked *queue.Seq) (known, ok bool) {
	set := l.settings()
	for {
		found, ok := l.read(ctx, *asked, set.MaxEvents, set.MaxBytes)
		if !ok {
			return false, false
		}
		for i := range found.Records {
			if len(m.Routes(track.Name(found.Records[i].Body))) > 0 {
				return true, true
			}
		}
		if len(found.Records) == 0 || found.Next <= *asked {
			return false, true
		}
		*asked = found.Next
		if !found.More {
			return false, true
		}
	}
}

// reroute moves the events that a new mapping has an entry for to their lanes.
func (l *lane) reroute(ctx context.Context, m batch.Mapping) bool {
	n, ok := l.rerouteOrWait(ctx, func(r queue.Record) []string { return m.Routes(track.Name(r.Body)) })
	if !ok {
		return false
	}
	if n > 0 {
		l.log.Info("unmapped events are mapped now", "code", logs.Rerouted, "events", n, "mapping", m.Digest())
	}
	return true
}

// expireUnmapped settles events that were kept long enough and are not in the current
// mapping; without a mapping it settles nothing. It returns how long to wait before the next
// call (below 0: until an append), whether any event is kept, and whether the mapping has an
// entry for an event that would have been settled.
func (l *lane) expireUnmapped(ctx context.Context) (wait time.Duration, some, known bool) {
	set, m := l.settings(), l.s.o.Mapping()
	found, ok := l.read(ctx, l.position, set.MaxEvents, set.MaxBytes)
	if !ok {
		return 0, false, false
	}
	if len(found.Records) == 0 {
		return -1, false, false
	}
	now, trusted := l.s.clock.Now()
	dates := l.s.dates()
	n := 0
	for i := range found.Records {
		rec := &found.Records[i]
		if at, known := dates.Received(rec); m == nil || !trusted || !known || now.Sub(at) < set.KeepUnmapped {
			break
		}
		if len(m.Routes(track.Name(rec.Body))) > 0 {
			return 0, true, true
		}
		n++
	}
	if n == 0 {
		if m == nil || !trusted {
			return time.Minute, true, false
		}
		at, _ := dates.Received(&found.Records[0])
		return min(max(at.Add(set.KeepUnmapped).Sub(now), time.Second), time.Hour), true, false
	}
	l.settleAll(found.RangesExcept(func(i int) bool { return i >= n }), found.Next)
	l.Count("skip:"+mapper.ReasonUnmapped, n)
	l.log.Info("settled unmapped events after keep_unmapped", "code", logs.UnmappedExpired, "events", n)
	l.sleep(ctx, 0, nil)
	return 0, true, false
}

// runToForward moves events that were unmapped before this relay began to forward to the
// lane that is forwarded: the hub's mapping decides.
func (l *lane) runToForward(ctx context.Context) {
	for ctx.Err() == nil {
		l.handleWakeups()
		changed := l.s.o.Log.Changed()
		n, ok := l.rerouteOrWait(ctx, func(queue.Record) []string {
			if l.settings().KeepHanded > 0 {
				return []string{queue.LaneForward, queue.LaneKept}
			}
			return []string{queue.LaneForward}
		})
		if !ok {
			continue
		}
		if n > 0 {
			l.log.Info("unmapped events are forwarded", "code", logs.Rerouted, "events", n)
		}
		l.show(Idle, time.Time{})
		if !l.sleep(ctx, -1, changed) {
			l.sleep(ctx, unmappedInterval, nil)
		}
	}
}

// rerouteOrWait moves the lane's records to other lanes. On error it waits and returns
// false; the caller starts over.
func (l *lane) rerouteOrWait(ctx context.Context, route func(queue.Record) []string) (n int, ok bool) {
	n, err := l.s.o.Log.Reroute(l.name, 1<<63, route)
	if err != nil {
		l.readFailed(ctx, "reroute", err)
		return 0, false
	}
	l.badRead = 0
	return n, true
}
