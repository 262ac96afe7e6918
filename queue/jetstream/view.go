package jetstream

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"relay/queue"
	"relay/queue/internal/ident"
)

var le = binary.LittleEndian

// A sequence number is: stream 4 bits · sequence in it 46 bits · index 14 bits.
const (
	indexBits  = 14
	streamBits = 60
	maxRecords = 1<<indexBits - 1
)

// Position is a place in the order of the open log that returned it.
type Position uint64

// view is what this process has read of the streams. Entries are ordered as this process has seen
// them, and those found at Open by the time they were made. The fields are guarded by Log.mu.
// Invariant: an entry stays here until its message is removed from its stream.
type view struct {
	readTo        [allStreams]uint64    // messages before it were read, per stream
	skipped       [streams]skippedRange // the last removed range of each stream that was skipped
	entries       map[place]*entry
	lanes         map[string]*lane
	ids           map[ident.Hash]idLocation
	copies        map[ident.Hash][]idLocation // all records with the same id, if there are several
	nextOrder     uint64                      // of the next entry
	lastChunk     queue.Seq                   // highest chunk number
	size          int64                       // of all messages
	expiring      []expiringID                // without sales, in the order in which they expire
	expiringSales []expiringID

	letters      map[uint64]*letter
	lettersByKey map[letterKey][]*letter // in the order in which they were stored; the last valid one counts

	lostMessages bool              // a row mentions messages that a stream has lost
	secret       [32]byte          // that ids are hashed with
	created      [allStreams]int64 // when each stream was created: a recreated stream reuses sequence numbers
	changed      chan struct{}     // closed when anything is added
	values       map[string]value  // by subject
	cached       []*entry          // entries with data, oldest first
	cachedBytes  int               // bytes of their data
}

// maxCached limits the bytes of recent chunks kept in memory, so that a reader close to the end
// need not request what was just stored.
const maxCached = 16 << 20

// cache keeps the bytes of an entry until newer ones displace them.
func (v *view) cache(e *entry) {
	v.cached = append(v.cached, e)
	for v.cachedBytes += len(e.data); v.cachedBytes > maxCached; v.cached = v.cached[1:] {
		v.cachedBytes -= len(v.cached[0].data)
		v.cached[0].data = nil
	}
}

type place struct {
	stream int
	seq    uint64
}

// placeOf returns the message that contains a record.
func placeOf(s queue.Seq) place {
	return place{int(s >> streamBits), uint64(s) << 4 >> 4 >> indexBits}
}

// idLocation is where the record with an id is stored; entry is nil if its chunk was removed.
type idLocation struct {
	entry       *entry
	fingerprint uint64
	index       uint32
}

type expiringID struct {
	hash  ident.Hash
	until time.Time
}

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

// skippedRange is a range of messages that were removed before this process read them, and when it
// noticed.
type skippedRange struct {
	from, to uint64
	seenAt   time.Time
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

// lane is a lane as this process knows it.
type lane struct {
	name       string
	row        row
	revision   uint64   // of its row; 0: it has none
	entries    []*entry // not removed yet, in order
	everStored int64    // number of records ever seen
	changed    chan struct{}
}

func newView() *view {
	v := &view{
		entries: make(map[place]*entry), lanes: make(map[string]*lane), ids: make(map[ident.Hash]idLocation), copies: make(map[ident.Hash][]idLocation),
		changed: make(chan struct{}), values: make(map[string]value),
		letters: make(map[uint64]*letter), lettersByKey: make(map[letterKey][]*letter), nextOrder: 1,
	}
	for i := range v.readTo {
		v.readTo[i] = 1
	}
	return v
}

func (v *view) lane(name string) *lane {
	ln := v.lanes[name]
	if ln == nil {
		ln = &lane{name: name, changed: make(chan struct{})}
		v.lanes[name] = ln
	}
	return ln
}

// advance records that everything of a stream before next was read.
func (v *view) advance(stream int, next uint64) { v.readTo[stream] = max(v.readTo[stream], next) }

// admit adds an entry. Of several records with the same id the first one is read. Invariant: what a
// lane has settled of one copy it has settled of all, whichever copy a process reads, so that no
// copy is removed before one of them is settled. admit returns false if another chunk is already at
// this place: the stream reuses sequence numbers.
func (v *view) admit(e *entry) bool {
	if was := v.entries[e.place]; was != nil {
		return was.number == e.number
	}
	v.entries[e.place] = e
	e.order = v.nextOrder
	v.nextOrder++
	v.lastChunk = max(v.lastChunk, e.number)
	v.size += int64(e.size)
	for _, set := range e.laneSets {
		for _, name := range set {
			if e.lanes[name] == nil {
				ln := v.lane(name)
				e.lanes[name] = &laneState{slots: make(map[uint32]queue.Slots)}
				ln.entries = append(ln.entries, e)
				ln.row.applyTo(e, e.lanes[name])
			}
		}
	}
	others := map[*entry]bool{e: true} // entries to recount
	for i := range e.records {
		r := &e.records[i]
		was, ok := v.ids[r.hash]
		switch {
		case !ok:
			v.ids[r.hash] = idLocation{e, r.fingerprint, uint32(i)}
		case !r.hash.Sale() && ident.Differ(r.fingerprint, was.fingerprint):
			// Two processes accepted two events with one id: both are read.
		default:
			e.hidden.set(i)
			if was.entry == nil {
				e.settleEverywhere(i)
				break
			}
			if v.copies[r.hash] == nil {
				v.copies[r.hash] = []idLocation{was}
			}
			v.copies[r.hash] = append(v.copies[r.hash], idLocation{e, r.fingerprint, uint32(i)})
			for _, name := range e.laneSets[r.set] {
				v.syncCopies(name, r.hash)
			}
			others[was.entry] = true
		}
		for _, name := range e.laneSets[r.set] {
			v.lanes[name].everStored++
		}
	}
	for o := range others {
		v.recount(o)
	}
	for name := range e.lanes {
		ln := v.lanes[name]
		close(ln.changed)
		ln.changed = make(chan struct{})
	}
	close(v.changed)
	v.changed = make(chan struct{})
	return true
}

// settleEverywhere settles a record in each of its lanes: they have settled another one with its
// id.
func (e *entry) settleEverywhere(i int) {
	for _, name := range e.laneSets[e.records[i].set] {
		e.lanes[name].settled.set(i)
	}
}

// syncCopies settles all records with an id in a lane as far as any of them is settled.
func (v *view) syncCopies(lane string, h ident.Hash) {
	whole, slots := false, queue.Slots(0)
	for _, k := range v.copies[h] {
		if p := k.entry.lanes[lane]; p != nil && k.entry.isFor(int(k.index), lane) {
			whole = whole || p.settled.has(int(k.index))
			slots |= p.slots[k.index]
		}
	}
	for _, k := range v.copies[h] {
		if p := k.entry.lanes[lane]; p != nil && k.entry.isFor(int(k.index), lane) {
			if whole {
				p.settled.set(int(k.index))
			}
			if slots != 0 {
				p.slots[k.index] |= slots
			}
		}
	}
}

// promoteCopy makes another record with the same id be read instead of a lost one. It returns the
// copy's entry, which must be recounted, or nil if there is no copy.
func (v *view) promoteCopy(e *entry, i int) *entry {
	h := e.records[i].hash
	if k := v.ids[h]; k.entry != e || int(k.index) != i {
		return nil
	}
	for _, k := range v.copies[h] {
		if k.entry != e {
			e.hidden.set(i)
			v.ids[h] = k
			k.entry.hidden[k.index/64] &^= 1 << (k.index % 64)
			return k.entry
		}
	}
	delete(v.ids, h) // a retry is stored as new
	return nil
}

// eachCopy calls fn for a record and for all others with its id that are for lane.
func (v *view) eachCopy(lane string, e *entry, i int, fn func(e *entry, i int)) {
	fn(e, i)
	for _, k := range v.copies[e.records[i].hash] {
		if (k.entry != e || int(k.index) != i) && k.entry.isFor(int(k.index), lane) {
			fn(k.entry, int(k.index))
		}
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

// recount updates an entry's counts of pending and unsettled records.
func (v *view) recount(e *entry) {
	e.unsettledLanes = 0
	for name, p := range e.lanes {
		e.recountLane(name, p)
		if p.unsettled > 0 {
			e.unsettledLanes++
		}
	}
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

// remove removes an entry whose message was removed from its stream.
func (v *view) remove(e *entry) {
	if v.entries[e.place] != e {
		return
	}
	delete(v.entries, e.place)
	v.size -= int64(e.size)
	others := make(map[*entry]bool)
	for i := range e.records {
		h := e.records[i].hash
		if v.copies[h] == nil {
			continue
		}
		if v.copies[h] = slices.DeleteFunc(v.copies[h], func(k idLocation) bool { return k.entry == e }); len(v.copies[h]) == 0 {
			delete(v.copies, h)
		}
		if k := v.ids[h]; k.entry != nil && k.entry != e {
			continue
		}
		for _, k := range v.copies[h] { // every lane has settled this id
			k.entry.settleEverywhere(int(k.index))
			others[k.entry] = true
		}
	}
	for o := range others {
		v.recount(o)
	}
	for name := range e.lanes {
		ln := v.lanes[name]
		ln.entries = slices.DeleteFunc(ln.entries, func(o *entry) bool { return o == e })
	}
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
