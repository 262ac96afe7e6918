package jetstream

import (
	"maps"
	"slices"
	"time"

	"relay/queue"
)

// counters are of this process, since Open.
type counters struct {
	stored, duplicates, commits, failures int64
	dropped                               map[string]int64
	took                                  [1024]time.Duration // of the last commits
	lastError                             string
	lastErrorAt                           time.Time
}

func (c *counters) drop(reason string, n int) {
	if n == 0 {
		return
	}
	if c.dropped == nil {
		c.dropped = make(map[string]int64)
	}
	c.dropped[reason] += int64(n)
}

// appended takes what became of calls that were one chunk.
func (c *counters) appended(calls []*call, err error, took time.Duration) {
	if err != nil {
		if !full(err) {
			c.failures++
			c.lastError, c.lastErrorAt = err.Error(), time.Now()
		}
		return
	}
	c.lastError = ""
	c.took[c.commits%int64(len(c.took))] = took
	c.commits++
	for _, one := range calls {
		c.stored += int64(one.out.Stored + one.out.Conflicts)
		c.duplicates += int64(one.out.Duplicates)
	}
}

// Stats is the log as it stands. It asks no server.
func (l *Log) Stats() queue.Stats {
	l.intake.mu.Lock()
	waiting := l.intake.bytes
	l.intake.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	v, c := l.view, &l.count
	s := queue.Stats{
		DiskBytes: v.bytes, MaxSize: l.o.MaxSize + l.o.DeadMaxSize, HighMark: l.o.MaxSize + l.o.DeadMaxSize, LowMark: l.o.MaxSize + l.o.DeadMaxSize,
		Appended: c.stored, Duplicates: c.duplicates, Commits: c.commits, Failures: c.failures, Dropped: maps.Clone(c.dropped),
		Waiting: waiting, LastError: c.lastError, LastErrorAt: c.lastErrorAt,
		DedupIDs: int64(len(v.known) - len(v.sales)), SaleIDs: int64(len(v.sales)),
		LostRecords: l.lostRecords, BadChunks: l.lostChunks, EncryptedKeyID: l.ring.Keys().Current(),
	}
	for _, name := range queue.DropReasons() {
		if s.Dropped == nil {
			s.Dropped = make(map[string]int64)
		}
		s.Dropped[name] += 0
	}
	if v.bytes >= l.o.MaxSize {
		s.Full = "max_size"
	}
	for _, ln := range v.lanes {
		if queue.IsBookkeeping(ln.name) {
			continue
		}
		st := ln.stat()
		s.Pending += st.Pending
		if st.Pending > 0 && (s.Oldest.IsZero() || st.Oldest.Before(s.Oldest)) {
			s.Oldest = st.Oldest
		}
	}
	for _, d := range v.letters {
		s.DeadBytes += d.size
	}
	s.DiskBytes += s.DeadBytes
	for key := range v.byKey {
		if v.current(key) != nil {
			s.Dead++
		}
	}
	n := min(c.commits, int64(len(c.took)))
	if sorted := slices.Sorted(slices.Values(c.took[:n])); n > 0 {
		s.SyncP50, s.SyncP99 = sorted[n/2], sorted[n*99/100]
	}
	return s
}
