package local

import (
	"maps"
	"sync"

	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/settled"
)

// lane is the state of a lane. Except for settling, its fields are guarded by index.mu.
type lane struct {
	name    string
	set     settled.Set
	gen     uint64 // its revision: the number of its last settlement, counted from newGen
	last    uint64 // Settlement.ID of the last settlement
	void    uint64 // settlements by callers other than its owner, since Open
	state   []byte
	counts  map[string]int64
	dropped bool

	pending   int64
	bytes     int64
	published tally         // appended since Open
	settled   tally         // settled since Open, as far as it was counted in pending
	oldest    int64         // time of receipt of the first pending record, Unix ms
	recent    [2]readResult // results of the last two Reads, the newest first

	settling sync.Mutex // held during a settlement
}

// readResult is what a Read found, so that settling it need not read it again.
type readResult struct {
	from, to Seq // the lane has no other pending records in this range
	records  []sizedSeq
}

type sizedSeq struct {
	seq  Seq
	size int64
}

// row returns the lane as stored in meta.db. The caller holds index.mu.
func (l *lane) row() meta.Lane {
	return meta.Lane{Cursor: l.set.Cursor(), Gen: l.gen, Last: l.last, State: l.state, Counts: maps.Clone(l.counts), Dropped: l.dropped}
}
