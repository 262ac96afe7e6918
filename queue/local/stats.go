package local

import (
	"maps"
	"slices"
	"time"

	"relay/queue"
)

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
	st := q.count
	st.Dropped = maps.Clone(q.count.Dropped)
	for _, l := range q.lanes {
		if queue.Aside(l.name) {
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
	st.DiskBytes = q.space.other
	for _, s := range q.segs {
		st.DiskBytes += s.disk
	}
	sp := &q.space
	st.MaxSize, st.HighMark, st.LowMark = sp.max, sp.marks.High, sp.marks.Low
	st.VolumeFree, st.VolumeSize, st.Reserve = sp.volFree, sp.volSize, sp.haveReserve
	st.Full = q.full
	st.LastError, st.LastErrorAt = q.lastErr, q.lastErrAt
	syncs := q.syncs
	q.mu.Unlock()
	st.SyncP50, st.SyncP99 = syncs.quantiles()
	q.in.mu.Lock()
	st.Waiting = q.in.bytes
	q.in.mu.Unlock()
	st.KeysInUse = q.meta.Keys()
	st.DedupIDs, st.SaleIDs = q.ids.Count()
	st.Dead, st.DeadBytes = q.dead.stats()
	st.EncryptedKeyID = q.ring.Keys().Current()
	return st
}
