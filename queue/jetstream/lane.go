package jetstream

import (
	"maps"
	"time"

	"relay/queue"
)

// lane is a lane as this process knows it.
type lane struct {
	name       string
	row        row
	revision   uint64   // of its row; 0: it has none
	entries    []*entry // not removed yet, in order
	everStored int64    // number of records ever seen
	changed    chan struct{}
}

func (ln *lane) stats() queue.LaneStat {
	s := queue.LaneStat{Name: ln.name, Revision: queue.Revision(ln.revision + 1), Invalidations: ln.row.Invalidations, State: clone(ln.row.State), Counts: make(map[string]int64)}
	maps.Copy(s.Counts, ln.row.Counts)
	for _, e := range ln.entries {
		p := e.lanes[ln.name]
		if p.pending == 0 {
			continue
		}
		if s.Pending == 0 {
			for i := range e.records {
				if e.isFor(i, ln.name) && e.isPending(p, i) {
					s.Oldest = time.UnixMilli(e.records[i].received).UTC()
					break
				}
			}
		}
		s.Pending += int64(p.pending)
		s.Bytes += p.pendingBytes
	}
	return s
}

func (v *view) lane(name string) *lane {
	ln := v.lanes[name]
	if ln == nil {
		ln = &lane{name: name, changed: make(chan struct{})}
		v.lanes[name] = ln
	}
	return ln
}
