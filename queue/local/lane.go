package local

import (
	"maps"
	"sync"

	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/settled"
)

// lane is what is known of a lane. Its fields are under index.mu.
type lane struct {
	name    string
	set     settled.Set
	gen     uint64 // its revision: number of its last settlement, counted from newGen
	last    uint64 // Settlement.ID of that
	void    uint64 // settlements by others than its owner, since Open
	state   []byte
	counts  map[string]int64
	dropped bool

	pending   int64
	bytes     int64
	published tally   // since Open
	settled   tally   // since Open, as far as it was in pending
	oldest    int64   // Unix ms, of the first pending record
	seen      [2]seen // what the last Reads found, the newest first

	settling sync.Mutex // one settlement at a time
}

// seen is what a Read found, so that settling it need not look again.
type seen struct {
	from, to Seq // the lane has no other records there that wait
	records  []sized
}

type sized struct {
	seq  Seq
	size int64
}

// row is the lane as meta.db holds it. index.mu is held.
func (l *lane) row() meta.Lane {
	return meta.Lane{Cursor: l.set.Cursor(), Gen: l.gen, Last: l.last, State: l.state, Counts: maps.Clone(l.counts), Dropped: l.dropped}
}
