package local

import (
	"maps"
	"slices"
	"sync"
	"time"

	"relay/queue"
)

// counters are what Stats counts since Open. Its methods may be called with any lock held.
type counters struct {
	mu    sync.Mutex
	stats Stats // only its counters
	syncs latencies
}

// count changes counters together.
func (c *counters) count(fn func(st *Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(&c.stats)
}

// committed counts a commit that was confirmed.
func (c *counters) committed(records int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Appended += records
	c.stats.Commits++
	c.syncs.add(took)
}

// damaged counts a file that was quarantined. known: what is lost of it is exact.
func (c *counters) damaged(lost int64, known bool) {
	c.count(func(st *Stats) {
		st.BadSegments++
		st.LostRecords += lost
		if lost > 0 || !known {
			st.BadChunks++
		}
	})
}

// badChunks counts damage that is smaller than a file.
func (c *counters) badChunks(n int) { c.count(func(st *Stats) { st.BadChunks += int64(n) }) }

// dropped counts records or letters that a policy or an operator removed.
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

// CountDropped adds to Stats.Dropped what somebody else than the queue has removed, or
// not let in: reason is one of queue.DropReasons.
func (q *Queue) CountDropped(reason string, n int) { q.counters.dropped(reason, int64(n)) }

// now is a copy of them all.
func (c *counters) now() Stats {
	c.mu.Lock()
	st, syncs := c.stats, c.syncs
	if st.Dropped = maps.Clone(st.Dropped); st.Dropped == nil {
		st.Dropped = make(map[string]int64)
	}
	c.mu.Unlock()
	st.SyncP50, st.SyncP99 = syncs.quantiles()
	return st
}

// latencies keeps the last syncs.
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

// Stats is the queue as it stands. It never waits for the disk.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	st := q.counters.now() // with the lanes: what is counted as appended is pending, or was settled
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
	inSegments := q.onDisk()
	q.mu.Unlock()
	q.space.show(&st, inSegments)
	st.LastError, st.LastErrorAt = q.health.last()
	st.Waiting = q.in.waiting()
	st.KeysInUse = q.meta.Keys()
	st.DedupIDs, st.SaleIDs = q.ids.Count()
	st.Dead, st.DeadBytes = q.dead.stats()
	st.EncryptedKeyID = q.ring.Keys().Current()
	return st
}
