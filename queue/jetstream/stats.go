package jetstream

import (
	"maps"
	"slices"
	"time"

	"relay/queue"
)

// counters count what this process did since Open.
type counters struct {
	stored, duplicates, commits, failures int64
	dropped                               map[string]int64
	durations                             [1024]time.Duration // of the last commits
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

// appended counts the calls of one chunk, or their failure.
func (c *counters) appended(calls []*call, err error, took time.Duration) {
	if err != nil {
		if !isFull(err) {
			c.failures++
			c.lastError, c.lastErrorAt = err.Error(), time.Now()
		}
		return
	}
	c.lastError = ""
	c.durations[c.commits%int64(len(c.durations))] = took
	c.commits++
	for _, one := range calls {
		c.stored += int64(one.out.Stored + one.out.Conflicts)
		c.duplicates += int64(one.out.Duplicates)
	}
}

// Stats returns the current state of the log. It asks no server.
func (l *Log) Stats() queue.Stats {
	l.intake.mu.Lock()
	waiting := l.intake.bytes
	l.intake.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	v, c := l.view, &l.counters
	s := queue.Stats{
		DiskBytes: v.size, MaxSize: l.options.MaxSize + l.options.DeadMaxSize, HighMark: l.options.MaxSize + l.options.DeadMaxSize, LowMark: l.options.MaxSize + l.options.DeadMaxSize,
		Appended: c.stored, Duplicates: c.duplicates, Commits: c.commits, Failures: c.failures, Dropped: maps.Clone(c.dropped),
		Waiting: waiting, LastError: c.lastError, LastErrorAt: c.lastErrorAt,
		DedupIDs: int64(len(v.ids) - len(v.expiringSales)), SaleIDs: int64(len(v.expiringSales)),
		LostRecords: l.lostRecords, BadChunks: l.lostChunks, EncryptedKeyID: l.ring.Keys().Current(),
	}
	for _, name := range queue.DropReasons() {
		if s.Dropped == nil {
			s.Dropped = make(map[string]int64)
		}
		s.Dropped[name] += 0
	}
	if v.size >= l.options.MaxSize {
		s.Full = "max_size"
	}
	for _, ln := range v.lanes {
		if queue.IsBookkeeping(ln.name) {
			continue
		}
		st := ln.stats()
		s.Pending += st.Pending
		if st.Pending > 0 && (s.Oldest.IsZero() || st.Oldest.Before(s.Oldest)) {
			s.Oldest = st.Oldest
		}
	}
	for _, d := range v.letters {
		s.DeadBytes += d.size
	}
	s.DiskBytes += s.DeadBytes
	for key := range v.lettersByKey {
		if v.currentLetter(key) != nil {
			s.Dead++
		}
	}
	n := min(c.commits, int64(len(c.durations)))
	if sorted := slices.Sorted(slices.Values(c.durations[:n])); n > 0 {
		s.SyncP50, s.SyncP99 = sorted[n/2], sorted[n*99/100]
	}
	return s
}
