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

// Position says where to read on, in the open log that gave it.
type Position uint64

// view is what this process has seen of the three streams, in an order of its own:
// that in which it came to know them, and at Open that in which they were made.
// Invariant: an entry is here until its message is removed from its stream.
type view struct {
	seen   [streams]uint64 // everything before is known
	passed [streams]passed // the last of each that was gone unread
	at     map[place]*entry
	lanes  map[string]*lane
	known  map[ident.Hash]known
	twins  map[ident.Hash][]known // all records of one id, where there are several: copies
	ord    uint64                 // of the next entry
	last   queue.Seq              // newest chunk number
	bytes  int64                  // of all messages
	gone   []goneID               // in the order in which they are forgotten, but for sales
	sales  []goneID

	letters map[uint64]*letter
	byKey   map[letterKey][]*letter // in the order in which they were stored; the last that counts is the one

	lossy   bool               // a row speaks of messages that a stream has lost
	secret  [32]byte           // that ids are keyed with
	made    [allStreams]int64  // when each stream was made: one that was made anew begins its numbers again
	tails   [allStreams]uint64 // how far each other stream was read
	changed chan struct{}      // closed when anything comes
	values  map[string]value   // small ones, by key
	fresh   []*entry           // whose bytes are kept
	kept    int                // how many bytes
}

// maxFresh bounds the bytes of chunks that are kept, so that a reader that is near need
// not ask for what was just stored.
const maxFresh = 16 << 20

// keepFresh keeps the bytes of an entry until newer ones take their place.
func (v *view) keepFresh(e *entry) {
	v.fresh = append(v.fresh, e)
	for v.kept += len(e.data); v.kept > maxFresh; v.fresh = v.fresh[1:] {
		v.kept -= len(v.fresh[0].data)
		v.fresh[0].data = nil
	}
}

type place struct {
	stream int
	seq    uint64
}

// placeOf is the message that has a record.
func placeOf(s queue.Seq) place {
	return place{int(s >> streamBits), uint64(s) << 4 >> 4 >> indexBits}
}

// known is where the record of an id lies; without entry it is gone.
type known struct {
	e     *entry
	print uint64
	index uint32
}

type goneID struct {
	hash  ident.Hash
	until time.Time
}

// entry is a chunk.
type entry struct {
	place
	at     queue.Seq // number of the chunk: newer ones have higher ones
	ord    uint64
	size   int
	recs   []rec
	sets   [][]string
	parts  map[string]*part // by lane
	hidden bits             // records whose id is another one's, which is read
	open   int              // lanes that have not settled all of it
	data   []byte           // its bytes, while it is fresh
	marks  map[int][]byte   // bodies of queue.LaneHad, which every process reads: small
	missed time.Time        // since when no server shows it
}

// passed is messages of a stream that were gone before they were read, and when that was seen.
type passed struct {
	from, to uint64
	at       time.Time
}

type rec struct {
	hash     ident.Hash
	print    uint64
	set      uint32
	size     uint32
	received int64
}

// part is what a chunk is to one lane.
type part struct {
	settled bits
	slots   map[uint32]queue.Slots
	waiting int // records that are read
	left    int // records that are not settled: those, and others of their ids
	size    int64
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

func (b bits) none() bool { return !slices.ContainsFunc(b, func(w uint64) bool { return w != 0 }) }

func newEntry(stream int, seq uint64, at queue.Seq, size int) *entry {
	return &entry{place: place{stream, seq}, at: at, size: size, parts: make(map[string]*part)}
}

func (e *entry) add(h ident.Hash, print uint64, lanes []string, body []byte, received int64) {
	set := slices.IndexFunc(e.sets, func(s []string) bool { return slices.Equal(s, lanes) })
	if set < 0 {
		set = len(e.sets)
		e.sets = append(e.sets, lanes)
	}
	if slices.Contains(lanes, queue.LaneHad) {
		if e.marks == nil {
			e.marks = make(map[int][]byte)
		}
		e.marks[len(e.recs)] = clone(body)
	}
	e.recs = append(e.recs, rec{h, print, uint32(set), uint32(len(body)), received})
}

// lanes is a set of lanes in order, none twice, that is not the caller's.
func (e *entry) lanes(in []string) []string {
	if i := slices.IndexFunc(e.sets, func(s []string) bool { return slices.Equal(s, in) }); i >= 0 {
		return e.sets[i]
	}
	return slices.Compact(slices.Sorted(slices.Values(in)))
}

// base is the sequence number of its first record.
func (e *entry) base() queue.Seq {
	return queue.Seq(e.stream)<<streamBits | queue.Seq(e.seq)<<indexBits
}

func (e *entry) isFor(i int, lane string) bool { return slices.Contains(e.sets[e.recs[i].set], lane) }

// waits says whether record i is read by a lane it is for.
func (e *entry) waits(p *part, i int) bool { return !e.hidden.has(i) && !p.settled.has(i) }

// lane is a lane as this process knows it.
type lane struct {
	name    string
	row     row
	rev     uint64   // of its row; 0: it has none
	entries []*entry // that have something for it, in order; done ones go
	records int64    // ever seen
	changed chan struct{}
}

func newView() *view {
	v := &view{
		at: make(map[place]*entry), lanes: make(map[string]*lane), known: make(map[ident.Hash]known), twins: make(map[ident.Hash][]known),
		changed: make(chan struct{}), values: make(map[string]value),
		letters: make(map[uint64]*letter), byKey: make(map[letterKey][]*letter), ord: 1,
	}
	for i := range v.seen {
		v.seen[i] = 1
	}
	for i := range v.tails {
		v.tails[i] = 1
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

// reach says that everything of a stream before next is known.
func (v *view) reach(stream int, next uint64) { v.seen[stream] = max(v.seen[stream], next) }

// admit takes in an entry. Of several records with one id that which came first is read.
// What a lane has settled of one it has of all (Invariant: whichever a process reads),
// so that none goes before one of them was settled.
// It is false when another chunk has this place already: its number is used again.
func (v *view) admit(e *entry) bool {
	if was := v.at[e.place]; was != nil {
		return was.at == e.at
	}
	v.at[e.place] = e
	e.ord = v.ord
	v.ord++
	v.last = max(v.last, e.at)
	v.bytes += int64(e.size)
	for _, set := range e.sets {
		for _, name := range set {
			if e.parts[name] == nil {
				ln := v.lane(name)
				e.parts[name] = &part{slots: make(map[uint32]queue.Slots)}
				ln.entries = append(ln.entries, e)
				ln.row.apply(e, e.parts[name])
			}
		}
	}
	others := map[*entry]bool{e: true} // that are to be counted anew
	for i := range e.recs {
		r := &e.recs[i]
		was, ok := v.known[r.hash]
		switch {
		case !ok:
			v.known[r.hash] = known{e, r.print, uint32(i)}
		case !r.hash.Sale() && ident.Differ(r.print, was.print):
			// Two processes took two events with one id: both are events.
		default:
			e.hidden.set(i)
			if was.e == nil {
				e.finish(i)
				break
			}
			if v.twins[r.hash] == nil {
				v.twins[r.hash] = []known{was}
			}
			v.twins[r.hash] = append(v.twins[r.hash], known{e, r.print, uint32(i)})
			for _, name := range e.sets[r.set] {
				v.even(name, r.hash)
			}
			others[was.e] = true
		}
		for _, name := range e.sets[r.set] {
			v.lanes[name].records++
		}
	}
	for o := range others {
		v.count(o)
	}
	for name := range e.parts {
		ln := v.lanes[name]
		close(ln.changed)
		ln.changed = make(chan struct{})
	}
	close(v.changed)
	v.changed = make(chan struct{})
	return true
}

// finish settles a record in each lane: all lanes had another of its id.
func (e *entry) finish(i int) {
	for _, name := range e.sets[e.recs[i].set] {
		e.parts[name].settled.set(i)
	}
}

// even has every record of an id settled in a lane as far as one of them is.
func (v *view) even(lane string, h ident.Hash) {
	whole, slots := false, queue.Slots(0)
	for _, k := range v.twins[h] {
		if p := k.e.parts[lane]; p != nil && k.e.isFor(int(k.index), lane) {
			whole = whole || p.settled.has(int(k.index))
			slots |= p.slots[k.index]
		}
	}
	for _, k := range v.twins[h] {
		if p := k.e.parts[lane]; p != nil && k.e.isFor(int(k.index), lane) {
			if whole {
				p.settled.set(int(k.index))
			}
			if slots != 0 {
				p.slots[k.index] |= slots
			}
		}
	}
}

// giveWay has another record of its id read in the place of one that is gone. Its entry is
// to be counted anew; nil: there is none.
func (v *view) giveWay(e *entry, i int) *entry {
	h := e.recs[i].hash
	if k := v.known[h]; k.e != e || int(k.index) != i {
		return nil
	}
	for _, k := range v.twins[h] {
		if k.e != e {
			e.hidden.set(i)
			v.known[h] = k
			k.e.hidden[k.index/64] &^= 1 << (k.index % 64)
			return k.e
		}
	}
	delete(v.known, h) // a retry is stored afresh
	return nil
}

// each calls fn for a record and all others of its id that are for lane.
func (v *view) each(lane string, e *entry, i int, fn func(e *entry, i int)) {
	fn(e, i)
	for _, k := range v.twins[e.recs[i].hash] {
		if (k.e != e || int(k.index) != i) && k.e.isFor(int(k.index), lane) {
			fn(k.e, int(k.index))
		}
	}
}

// waiting is how many records of it a lane waits for.
func (e *entry) waiting() (n int) {
	for i := range e.recs {
		if slices.ContainsFunc(e.sets[e.recs[i].set], func(name string) bool { return e.waits(e.parts[name], i) }) {
			n++
		}
	}
	return n
}

// count finds anew what waits of an entry.
func (v *view) count(e *entry) {
	e.open = 0
	for name, p := range e.parts {
		e.countPart(name, p)
		if p.left > 0 {
			e.open++
		}
	}
}

func (e *entry) countPart(name string, p *part) {
	p.waiting, p.left, p.size = 0, 0, 0
	for i := range e.recs {
		if !e.isFor(i, name) {
			continue
		}
		if !p.settled.has(i) {
			p.left++
		}
		if e.waits(p, i) {
			p.waiting++
			p.size += int64(e.recs[i].size)
		}
	}
}

// remove forgets an entry whose message is gone from its stream.
func (v *view) remove(e *entry) {
	if v.at[e.place] != e {
		return
	}
	delete(v.at, e.place)
	v.bytes -= int64(e.size)
	others := make(map[*entry]bool)
	for i := range e.recs {
		h := e.recs[i].hash
		if v.twins[h] == nil {
			continue
		}
		if v.twins[h] = slices.DeleteFunc(v.twins[h], func(k known) bool { return k.e == e }); len(v.twins[h]) == 0 {
			delete(v.twins, h)
		}
		if k := v.known[h]; k.e != nil && k.e != e {
			continue
		}
		for _, k := range v.twins[h] { // all lanes have had it
			k.e.finish(int(k.index))
			others[k.e] = true
		}
	}
	for o := range others {
		v.count(o)
	}
	for name := range e.parts {
		ln := v.lanes[name]
		ln.entries = slices.DeleteFunc(ln.entries, func(o *entry) bool { return o == e })
	}
}

func (ln *lane) stat() queue.LaneStat {
	s := queue.LaneStat{Name: ln.name, Revision: queue.Revision(ln.rev + 1), Invalidations: ln.row.Void, State: clone(ln.row.State), Counts: make(map[string]int64)}
	maps.Copy(s.Counts, ln.row.Counts)
	for _, e := range ln.entries {
		p := e.parts[ln.name]
		if p.waiting == 0 {
			continue
		}
		if s.Pending == 0 {
			for i := range e.recs {
				if e.isFor(i, ln.name) && e.waits(p, i) {
					s.Oldest = time.UnixMilli(e.recs[i].received).UTC()
					break
				}
			}
		}
		s.Pending += int64(p.waiting)
		s.Bytes += p.size
	}
	return s
}
