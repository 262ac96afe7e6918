package local

import (
	"maps"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

// counters are the counters of Stats since Open. Its methods can be called with any lock held.
type counters struct {
	mu    sync.Mutex
	stats Stats // only its counters are used
	syncs latencies
}

// count changes several counters atomically.
func (c *counters) count(fn func(st *Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(&c.stats)
}

// committed counts a confirmed commit.
func (c *counters) committed(records int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Appended += records
	c.stats.Commits++
	c.syncs.add(took)
}

// damaged counts a quarantined file. exact is whether lost is exact.
func (c *counters) damaged(lost int64, exact bool) {
	c.count(func(st *Stats) {
		st.BadSegments++
		st.LostRecords += lost
		if lost > 0 || !exact {
			st.BadChunks++
		}
	})
}

// badChunks counts n damaged parts of files.
func (c *counters) badChunks(n int) { c.count(func(st *Stats) { st.BadChunks += int64(n) }) }

// dropped counts records or letters removed by a policy or an operator.
func (c *counters) dropped(why string, n int64) {
	if n == 0 {
		return
	}
	c.count(func(st *Stats) {
		if st.Dropped == nil {
			st.Dropped = make(map[string]int64)
		}
		st.Dropped[why] += n
	})
}

// CountDropped adds to Stats.Dropped what the caller has removed or not let in. reason is one
// of queue.DropReasons.
func (q *Queue) CountDropped(reason string, n int) { q.counters.dropped(reason, int64(n)) }

// snapshot returns a copy of the counters.
func (c *counters) snapshot() Stats {
	c.mu.Lock()
	st, syncs := c.stats, c.syncs
	if st.Dropped = maps.Clone(st.Dropped); st.Dropped == nil {
		st.Dropped = make(map[string]int64)
	}
	c.mu.Unlock()
	st.SyncP50, st.SyncP99 = syncs.quantiles()
	return st
}

// latencies keeps the durations of the last syncs.
type latencies struct {
	ring [1024]time.Duration
	n    int
}

func (l *latencies) add(d time.Duration) {
	l.ring[l.n%len(l.ring)] = d
	l.n++
}

func (l *latencies) quantiles() (p50, p99 time.Duration) {
	n := min(l.n, len(l.ring))
	if n == 0 {
		return 0, 0
	}
	s := slices.Clone(l.ring[:n])
	slices.Sort(s)
	return s[n/2], s[min(n-1, n*99/100)]
}

// Stats returns the state of the queue. It never waits for the disk.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	st := q.counters.snapshot() // under the same lock as the lanes: appended records are pending or settled
	for _, l := range q.lanes {
		if queue.IsBookkeeping(l.name) {
			continue
		}
		st.Pending += l.pending
		if l.pending > 0 && l.oldest != 0 {
			if t := time.UnixMilli(l.oldest).UTC(); st.Oldest.IsZero() || t.Before(st.Oldest) {
				st.Oldest = t
			}
		}
	}
	st.Segments = len(q.segs)
	st.Opening = q.opening
	inSegments := q.segmentBytesLocked()
	q.mu.Unlock()
	q.space.fill(&st, inSegments)
	st.LastError, st.LastErrorAt = q.health.last()
	st.Waiting = q.in.waiting()
	st.KeysInUse = q.meta.Keys()
	st.DedupIDs, st.SaleIDs = q.ids.Count()
	st.Dead, st.DeadBytes = q.dead.stats()
	st.EncryptedKeyID = q.ring.Keys().Current()
	return st
}
