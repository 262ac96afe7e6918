package jetstream

import (
	"slices"
	"time"

	"relay/queue"
	"relay/queue/internal/ident"
)

// entry is a chunk.
type entry struct {
	place
	number         queue.Seq // of the chunk: newer ones have higher numbers
	order          uint64
	size           int
	records        []recordInfo
	laneSets       [][]string
	lanes          map[string]*laneState // by lane
	hidden         bits                  // records that are not read because a copy with the same id is
	unsettledLanes int                   // lanes that have not settled all of it
	data           []byte                // the chunk's bytes, while cached
	hadBodies      map[int][]byte        // bodies of queue.LaneHad by record, which every process reads; small
	missingSince   time.Time             // since when no server has had it
}

// A sequence number is: stream 4 bits · sequence in it 46 bits · index 14 bits.
const (
	indexBits  = 14
	streamBits = 60
	maxRecords = 1<<indexBits - 1
)

type place struct {
	stream int
	seq    uint64
}

// placeOf returns the message that contains a record.
func placeOf(s queue.Seq) place {
	return place{int(s >> streamBits), uint64(s) << 4 >> 4 >> indexBits}
}

type recordInfo struct {
	hash        ident.Hash
	fingerprint uint64
	set         uint32
	size        uint32
	received    int64
}

// laneState is the state of a chunk in one lane.
type laneState struct {
	settled      bits
	slots        map[uint32]queue.Slots
	pending      int // records that will be read
	unsettled    int // records not settled: the pending ones and their copies
	pendingBytes int64
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) has(i int) bool { return i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }

func (b *bits) set(i int) {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bits) empty() bool { return !slices.ContainsFunc(b, func(w uint64) bool { return w != 0 }) }

func newEntry(stream int, seq uint64, at queue.Seq, size int) *entry {
	return &entry{place: place{stream, seq}, number: at, size: size, lanes: make(map[string]*laneState)}
}

func (e *entry) add(h ident.Hash, print uint64, lanes []string, body []byte, received int64) {
	set := slices.IndexFunc(e.laneSets, func(s []string) bool { return slices.Equal(s, lanes) })
	if set < 0 {
		set = len(e.laneSets)
		e.laneSets = append(e.laneSets, lanes)
	}
	if slices.Contains(lanes, queue.LaneHad) {
		if e.hadBodies == nil {
			e.hadBodies = make(map[int][]byte)
		}
		e.hadBodies[len(e.records)] = clone(body)
	}
	e.records = append(e.records, recordInfo{h, print, uint32(set), uint32(len(body)), received})
}

// laneSet returns in sorted and without duplicates, not aliasing in.
func (e *entry) laneSet(in []string) []string {
	if i := slices.IndexFunc(e.laneSets, func(s []string) bool { return slices.Equal(s, in) }); i >= 0 {
		return e.laneSets[i]
	}
	return slices.Compact(slices.Sorted(slices.Values(in)))
}

// base is the sequence number of its first record.
func (e *entry) base() queue.Seq {
	return queue.Seq(e.stream)<<streamBits | queue.Seq(e.seq)<<indexBits
}

func (e *entry) isFor(i int, lane string) bool {
	return slices.Contains(e.laneSets[e.records[i].set], lane)
}

// isPending reports whether record i will be read by a lane it is for.
func (e *entry) isPending(p *laneState, i int) bool { return !e.hidden.has(i) && !p.settled.has(i) }

// settleEverywhere settles a record in each of its lanes: they have settled another one with its
// id.
func (e *entry) settleEverywhere(i int) {
	for _, name := range e.laneSets[e.records[i].set] {
		e.lanes[name].settled.set(i)
	}
}

// pendingRecords is the number of records that are pending in any lane.
func (e *entry) pendingRecords() (n int) {
	for i := range e.records {
		if slices.ContainsFunc(e.laneSets[e.records[i].set], func(name string) bool { return e.isPending(e.lanes[name], i) }) {
			n++
		}
	}
	return n
}

func (e *entry) recountLane(name string, p *laneState) {
	p.pending, p.unsettled, p.pendingBytes = 0, 0, 0
	for i := range e.records {
		if !e.isFor(i, name) {
			continue
		}
		if !p.settled.has(i) {
			p.unsettled++
		}
		if e.isPending(p, i) {
			p.pending++
			p.pendingBytes += int64(e.records[i].size)
		}
	}
}

// ranges returns the records from start to end without those in others, which is sorted.
func (e *entry) ranges(start, end int, others []int) (out []queue.Range) {
	for _, i := range others {
		if i < start || i >= end {
			continue
		}
		if start < i {
			out = append(out, queue.Range{From: e.base() + queue.Seq(start), To: e.base() + queue.Seq(i)})
		}
		start = i + 1
	}
	if start < end {
		out = append(out, queue.Range{From: e.base() + queue.Seq(start), To: e.base() + queue.Seq(end)})
	}
	return out
}
