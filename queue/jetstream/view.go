package jetstream

import (
	"encoding/binary"
	"slices"
	"time"

	"relay/queue"
	"relay/queue/internal/ident"
)

var le = binary.LittleEndian

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

// skippedRange is a range of messages that were removed before this process read them, and when it
// noticed.
type skippedRange struct {
	from, to uint64
	seenAt   time.Time
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
